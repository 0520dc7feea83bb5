// Hands things over to the person: a file, or text on the clipboard. Knows the browser only.

/**
 * Let the browser save `blob` under `name`.
 *
 * The type of the file is left out: Firefox replaces an ending that it does not expect of a type (.opus of audio/ogg
 * becomes .ogx).
 */
export function saveFile(blob, name) {
  const url = URL.createObjectURL(new Blob([blob], { type: "application/octet-stream" }));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000); // the download reads it after the click
}

/** Whether the text is on the clipboard now. */
export async function copyText(text) {
  if (navigator.clipboard) {
    return navigator.clipboard.writeText(text).then(() => true, () => false);
  }
  // Plain http on a home network has no clipboard object.
  const area = document.createElement("textarea");
  area.value = text;
  area.className = "visually-hidden";
  document.body.append(area);
  area.select();
  const isCopied = document.execCommand("copy");
  area.remove();
  return isCopied;
}

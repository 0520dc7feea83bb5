// A request as a command for a POSIX shell. Pure; knows quoting.

/** Any text as one word of the shell: nothing is special between single quotes but the single quote itself. */
export function quote(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** `body`: of `POST /tts`. */
export function asCurl(url, body, { hasKey }) {
  return command(url, hasKey, [
    "-H 'Content-Type: application/json'",
    `--data-raw ${quote(JSON.stringify(body))}`,
    `-o speech.${body.format}`,
  ]);
}

/** `POST /transcribe` of the file `name` in the current folder; the language "" is detected. */
export function transcribeAsCurl(url, name, language, { hasKey }) {
  const escaped = name.replaceAll(/["\\]/g, "\\$&"); // curl's own quoting, inside the shell's
  return command(url, hasKey, [
    `-F ${quote(`file=@"${escaped}"`)}`,
    ...(language ? [`-F ${quote(`language=${language}`)}`] : []),
  ]);
}

/** The key stays a variable: commands end up in histories and in messages. */
function command(url, hasKey, options) {
  const lines = [
    `curl --fail-with-body --silent --show-error ${quote(url)}`,
    ...(hasKey ? ['-H "Authorization: Bearer $CHORUS_API_KEY"'] : []),
    ...options,
  ];
  return lines.join(" \\\n  ");
}

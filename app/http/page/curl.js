// A request as a command for a POSIX shell. Pure; knows quoting.

/** Any text as one word of the shell: nothing is special between single quotes but the single quote itself. */
export function quote(text) {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/** `body`: of `POST /tts`. The key stays a variable: commands end up in histories and in messages. */
export function asCurl(url, body, { hasKey }) {
  const lines = [
    `curl --fail-with-body --silent --show-error ${quote(url)}`,
    "-H 'Content-Type: application/json'",
    ...(hasKey ? ['-H "Authorization: Bearer $CHORUS_API_KEY"'] : []),
    `--data-raw ${quote(JSON.stringify(body))}`,
    `-o speech.${body.format}`,
  ];
  return lines.join(" \\\n  ");
}

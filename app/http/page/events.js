// Server-sent events of an answer, as objects. Knows bytes; knows nothing of what the events mean.

/** Yields {name, data} of each event of `body`; `data` is the parsed JSON. Comments and other fields are skipped. */
export async function* readEvents(body) {
  let rest = "";
  for await (const text of chunksOf(body.pipeThrough(new TextDecoderStream()))) {
    const blocks = (rest + text).split("\n\n");
    rest = blocks.pop();
    yield* blocks.map(parse);
  }
}

/** Safari cannot iterate a ReadableStream. */
export async function* chunksOf(stream) {
  const reader = stream.getReader();
  try {
    for (let read = await reader.read(); !read.done; read = await reader.read()) yield read.value;
  } finally {
    reader.cancel().catch(() => {}); // of a broken stream, whose error was raised above
  }
}

function parse(block) {
  const field = (name) => block.split("\n").find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2);
  return { name: field("event") ?? "message", data: JSON.parse(field("data")) };
}

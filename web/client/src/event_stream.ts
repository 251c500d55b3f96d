/**
 * Server-Sent Events out of a stream of bytes, by the rules of the HTML standard (9.2.6, "Interpreting an event stream").
 *
 * `EventSource` can't send a token in a header and is missing in some runtimes, so the stream is read with `fetch`.
 */

export interface SentEvent {
  type: string;
  data: string;
  id: string;
}

/** Reads `body` until it ends. `heard` is called for every piece that comes, comments included. */
export async function readEvents(body: ReadableStream<Uint8Array>, event: (event: SentEvent) => void, heard: () => void): Promise<void> {
  const reader = body.pipeThrough(new TextDecoderStream() as unknown as TransformStream<Uint8Array, string>).getReader();
  let rest = "";
  let type = "";
  let data: string[] = [];
  let id = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    heard();
    const lines = (rest + value).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? "";
    for (const line of lines) {
      if (line === "") {
        if (data.length) event({ type: type || "message", data: data.join("\n"), id });
        type = "";
        data = [];
        continue;
      }
      const colon = line.indexOf(":");
      if (colon === 0) continue; // a comment
      const field = colon < 0 ? line : line.slice(0, colon);
      const text = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
      if (field === "event") type = text;
      else if (field === "data") data.push(text);
      else if (field === "id" && !text.includes("\0")) id = text;
    }
  }
}

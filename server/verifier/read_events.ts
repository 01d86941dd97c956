/** One event of a stream (HTML §9.2). */
export interface StreamEvent {
  event: string;
  data: string;
  id: string | undefined;
}

function parseEvent(block: string): StreamEvent | null {
  const fields = { event: "message", data: "", id: undefined as string | undefined };
  const data: string[] = [];
  for (const line of block.split("\n")) {
    const [, name = "", value = ""] = /^([a-z]+): ?(.*)$/.exec(line) ?? [];
    if (name === "data") data.push(value);
    else if (name === "event" || name === "id") fields[name] = value;
  }
  return data.length === 0 ? null : { ...fields, data: data.join("\n") };
}

/** Reads server-sent events. @throws when one is longer than `maxLength` */
export async function* readEvents(
  pieces: AsyncIterable<string>,
  { maxLength }: { maxLength: number },
): AsyncGenerator<StreamEvent> {
  let rest = "";
  for await (const piece of pieces) {
    const blocks = (rest + piece.replaceAll("\r", "")).split("\n\n");
    rest = blocks.pop() ?? "";
    if (rest.length > maxLength) throw new Error("too long an event");
    for (const block of blocks) {
      const event = parseEvent(block);
      if (event !== null) yield event;
    }
  }
}

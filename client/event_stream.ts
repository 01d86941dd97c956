/**
 * Reads the text of an event stream chunk by chunk (WHATWG HTML §9.2.6). Chunks may be cut anywhere, between CR and
 * LF too. A block that the stream's end cuts off is dropped.
 *
 * @param id The id to go on from. As in browsers, a new connection alone does not forget the last one.
 * @param onBlock Takes each finished block: the last id so far, the event's name or "", and its data with a line
 *   feed behind each line, "" where it has none.
 * @param onRetry Takes the milliseconds that the stream asks to wait before the next connection.
 */
export function createEventStreamParser(
  id: string,
  onBlock: (id: string, name: string, data: string) => void,
  onRetry: (ms: number) => void,
): (text: string) => void {
  let name = "";
  let data = "";
  let rest = "";
  let isAfterCr = false;

  function readLine(line: string): void {
    if (line === "") {
      onBlock(id, name, data);
      name = data = "";
    }
    // A comment is a field without a name.
    const [, field, value = ""] = /^([^:]*):? ?(.*)/s.exec(line) ?? [];
    if (field === "data") data += value + "\n";
    if (field === "event") name = value;
    if (field === "id" && !value.includes("\0")) id = value;
    // What no timer can hold is ignored.
    if (field === "retry" && /^\d{1,7}$/.test(value)) onRetry(Number(value));
  }

  return (text) => {
    if (text === "") return;
    if (isAfterCr) text = text.replace(/^\n/, "");
    isAfterCr = text.endsWith("\r");
    const lines = text.split(/\r\n|[\r\n]/);
    lines[0] = rest + lines[0];
    rest = lines.pop() ?? "";
    lines.forEach(readLine);
  };
}

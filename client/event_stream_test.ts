import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { createEventStreamParser } from "./event_stream.ts";

type Block = [id: string, name: string, data: string];

/** What a parser makes of a stream that arrives in these chunks. */
function parse(...chunks: string[]): { blocks: Block[]; retries: number[] } {
  const blocks: Block[] = [];
  const retries: number[] = [];
  const read = createEventStreamParser("", (...block) => blocks.push(block), (ms) => retries.push(ms));
  for (const chunk of chunks) read(chunk);
  return { blocks, retries };
}

const streams: Record<string, { text: string; blocks: Block[] }> = {
  "lines of one event are joined by line feeds": {
    text: "data: YHOO\ndata: +2\ndata: 10\n\n",
    blocks: [["", "", "YHOO\n+2\n10\n"]],
  },
  "a comment is nothing, an empty id forgets, one space is part of the colon": {
    text: ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
    blocks: [["", "", ""], ["1", "", "first event\n"], ["", "", "second event\n"], [
      "",
      "",
      " third event\n",
    ]],
  },
  "a field without a colon is empty, and an event of one empty line is an event": {
    text: "data\n\ndata\ndata\n\ndata:",
    blocks: [["", "", "\n"], ["", "", "\n\n"]],
  },
  "lines end with CR, LF or CRLF, mixed": {
    text: "data: a\r\ndata: b\rdata: c\n\r\ndata: d\r\rdata: e\n\n",
    blocks: [["", "", "a\nb\nc\n"], ["", "", "d\n"], ["", "", "e\n"]],
  },
  "an event has the name that it is given, and the next one has none": {
    text: "event: ping\ndata\n\ndata: x\n\n",
    blocks: [["", "ping", "\n"], ["", "", "x\n"]],
  },
  "an id stays until another one, counts without data too, and one with NUL is ignored": {
    text: "id: 7\n\nid: a\0b\ndata: x\n\ndata: y\n\n",
    blocks: [["7", "", ""], ["7", "", "x\n"], ["7", "", "y\n"]],
  },
  "unknown fields and fields in another case are ignored": {
    text: "Data: a\nfoo: b\ndata: c\n\n",
    blocks: [["", "", "c\n"]],
  },
  "what the end of the stream cuts off is dropped": {
    text: "data: whole\n\nid: 9\ndata: half\n",
    blocks: [["", "", "whole\n"]],
  },
  "a colon in a value is part of it, and so are U+2028 and U+0085": {
    text: "data: a:b\u2028c\u0085d\n\n",
    blocks: [["", "", "a:b\u2028c\u0085d\n"]],
  },
};

for (const [name, { text, blocks }] of Object.entries(streams)) {
  Deno.test(`an event stream, whole or a character at a time: ${name}`, () => {
    assertEquals(parse(text).blocks, blocks);
    assertEquals(parse(...text).blocks, blocks);
  });
}

Deno.test("an event stream is read alike however it is cut", () => {
  const pieces = [
    "data",
    "event",
    "id",
    "retry",
    ":",
    " ",
    "\r",
    "\n",
    "\r\n",
    "\0",
    "é",
    "😀",
    "1",
    "data: x\n\n",
  ];
  const text = fc.array(fc.constantFrom(...pieces), { maxLength: 60 }).map((parts) => parts.join(""));
  fc.assert(fc.property(text, fc.array(fc.nat(200), { maxLength: 8 }), (stream, cuts) => {
    const at = [0, ...cuts.map((cut) => cut % (stream.length + 1)).toSorted((a, b) => a - b), stream.length];
    const chunks = at.slice(1).map((end, index) => stream.slice(at[index], end));
    assertEquals(parse(...chunks), parse(stream));
  }));
});

Deno.test("an event stream's retry is a number of milliseconds that a timer can hold, or nothing", () => {
  const text = ["5000", "0", "007", "-1", "1.5", "1e3", "", " 10", "10 ", "99999999999999"]
    .map((value) => `retry:${value}\n`).join("");
  assertEquals(parse(text).retries, [5000, 0, 7, 10]);
});

Deno.test("an event stream that goes on from an id keeps it until the stream names another", () => {
  const ids: string[] = [];
  const read = createEventStreamParser("41", (id) => ids.push(id), () => {});
  read("data: x\n\nid: 42\ndata: y\n\n");
  assertEquals(ids, ["41", "42"]);
});

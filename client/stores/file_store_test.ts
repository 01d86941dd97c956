import { assert, assertEquals, assertRejects } from "@std/assert";
import { escapeKey } from "./escape_key.ts";
import { fileStore } from "./file_store.ts";

/** A folder for a tool, not made yet, in one that is removed afterwards. */
async function createFolder() {
  const parent = await Deno.makeTempDir();
  return {
    folder: `${parent}/config/tool`,
    file: `${parent}/config/tool/a.token`,
    [Symbol.asyncDispose]: () => Deno.remove(parent, { recursive: true }),
  };
}

const modeOf = (path: string) => ((Deno.lstatSync(path).mode ?? 0) & 0o777).toString(8);
const listNames = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).toSorted();

Deno.test("reading makes nothing: no folder, no file", async () => {
  await using made = await createFolder();
  assertEquals(await fileStore(made.folder).get("a"), null);
  await assertRejects(() => Deno.stat(made.folder), Deno.errors.NotFound);
});

Deno.test("a session's file is 0600 in a folder that is 0700, whatever the umask", async () => {
  await using made = await createFolder();
  const umask = Deno.umask(0);
  try {
    await fileStore(made.folder).set("a", "x");
  } finally {
    Deno.umask(umask);
  }
  assertEquals([modeOf(made.file), modeOf(made.folder), modeOf(`${made.folder}/..`)], ["600", "700", "700"]);
});

Deno.test("no file is ever open to others, not even half-written or for a lock", async () => {
  await using made = await createFolder();
  const store = fileStore(made.folder);
  const umask = Deno.umask(0);
  const seen = new Set<string>();
  let isDone = false;
  try {
    await store.set("a", "x");
    const work = (async () => {
      for (let round = 0; round < 20; round++) {
        await store.lock?.("a", 1_000, async () => await store.set("a", "x".repeat(8_192)));
      }
      isDone = true;
    })();
    while (!isDone) {
      for await (const { name } of Deno.readDir(made.folder)) {
        const { mode } = await Deno.lstat(`${made.folder}/${name}`).catch(() => ({ mode: null }));
        if (mode !== null) seen.add((mode & 0o777).toString(8));
      }
    }
    await work;
  } finally {
    Deno.umask(umask);
  }
  assertEquals([...seen], ["600"]);
});

Deno.test("a file that others can read is refused and not mended, until it is written anew", async () => {
  await using made = await createFolder();
  const store = fileStore(made.folder);
  await store.set("a", "x");
  for (const mode of [0o604, 0o640, 0o620, 0o601]) {
    await Deno.chmod(made.file, mode);
    await assertRejects(async () => await store.get("a"), Error, made.file);
    assertEquals(modeOf(made.file), mode.toString(8));
  }
  await store.set("a", "y");
  assertEquals([await store.get("a"), modeOf(made.file)], ["y", "600"]);
});

Deno.test("a folder that others can change is refused, for reading, writing and locking", async () => {
  await using made = await createFolder();
  const store = fileStore(made.folder);
  await store.set("a", "x");
  for (const mode of [0o720, 0o702, 0o777]) {
    await Deno.chmod(made.folder, mode);
    await assertRejects(async () => await store.get("a"), Error, "chmod go-w");
    await assertRejects(async () => await store.set("a", "y"), Error, "chmod go-w");
    assertEquals(await store.lock?.("a", 60_000, (held) => Promise.resolve(held)), false);
  }
  await Deno.chmod(made.folder, 0o755);
  assertEquals([await store.get("a"), listNames(made.folder)], ["x", ["a.token"]]);
});

Deno.test("a link is never followed: reading refuses it, writing replaces it, its target stays as it was", async () => {
  await using made = await createFolder();
  const store = fileStore(made.folder);
  await store.set("b", "the target");
  await Deno.symlink(`${made.folder}/b.token`, made.file);
  await assertRejects(async () => await store.get("a"), Error);
  await store.set("a", "x");
  assertEquals([await store.get("a"), await store.get("b")], ["x", "the target"]);
  assert(!(await Deno.lstat(made.file)).isSymlink);
});

Deno.test("a folder or a pipe in the place of the file is refused, and hangs nothing", async () => {
  await using made = await createFolder();
  const store = fileStore(made.folder);
  await store.set("b", "x");
  await Deno.mkdir(made.file, { mode: 0o700 });
  await assertRejects(async () => await store.get("a"), Error);
  await assertRejects(async () => await store.set("a", "x"), Error);
  await Deno.remove(made.file);
  await new Deno.Command("mkfifo", { args: ["-m", "600", made.file] }).output();
  await assertRejects(async () => await store.get("a"), Error, "not a file");
  assertEquals(listNames(made.folder), ["a.token", "b.token"]);
});

// Only root can make what belongs to another user, and only root could read it.
if (Deno.uid() === 0) {
  Deno.test("what belongs to another user is refused, file or folder", async () => {
    await using made = await createFolder();
    const store = fileStore(made.folder);
    await store.set("a", "x");
    await Deno.chown(made.file, 12_345, 12_345);
    await assertRejects(async () => await store.get("a"), Error, "another user");
    await Deno.chown(made.file, 0, 0);
    await Deno.chown(made.folder, 12_345, 12_345);
    await assertRejects(async () => await store.get("a"), Error, "another user");
    await assertRejects(async () => await store.set("a", "y"), Error, "another user");
  });
}

Deno.test("C-45: what somebody else wrote into the file is handed out as it is", async () => {
  await using made = await createFolder();
  const store = fileStore(made.folder);
  await store.set("a", "x");
  for (const foreign of ["", "half a rec", '{"v":99}']) {
    await Deno.writeTextFile(made.file, foreign);
    assertEquals([await store.get("a"), await Deno.readTextFile(made.file)], [foreign, foreign]);
  }
});

Deno.test("what killed processes left is removed by a later write, what is being written is not", async () => {
  await using made = await createFolder();
  const store = fileStore(made.folder);
  await store.set("a", "x");
  const now = (await Deno.stat(made.file)).mtime?.getTime() ?? 0;
  const left = { "a.token.1.tmp": 16_000, "a.token.lock.2.tmp": 16_000, "a.token.3.tmp": 1_000 };
  for (const [name, ageMs] of Object.entries({ ...left, "b.token.4.tmp": 16_000, "notes.tmp": 16_000 })) {
    await Deno.writeTextFile(`${made.folder}/${name}`, "x");
    await Deno.utime(`${made.folder}/${name}`, new Date(now - ageMs), new Date(now - ageMs));
  }
  await store.set("a", "y");
  assertEquals(listNames(made.folder), ["a.token", "a.token.3.tmp", "b.token.4.tmp", "notes.tmp"]);
});

Deno.test("a write that fails leaves the old value, and nothing beside it", async () => {
  await using made = await createFolder();
  const store = fileStore(made.folder);
  await store.set("a", "x");
  await assertRejects(async () => await store.set("long".repeat(100), "y"), Error);
  await store.set("a", "y");
  assertEquals([await store.get("a"), listNames(made.folder)], ["y", ["a.token"]]);
});

Deno.test("C-50: keys make file names that a folder without capitals keeps apart too", () => {
  const keys = ["a", "A", "b", "", ".", "..", "a.b", "a/b", "../a", "a.2fb", "ä", "Ä", "con", "a b", "a:b"];
  const names = keys.map((key) => escapeKey(key));
  assertEquals(new Set(names.map((name) => name.toLowerCase())).size, keys.length);
  assert(names.every((name) => /^[a-z0-9._-]+$/.test(name)));
});

Deno.test("who watches is not told of what it did itself, and once of what another did", async () => {
  await using made = await createFolder();
  const [store, other] = [fileStore(made.folder), fileStore(made.folder)];
  const heard = { store: 0, other: 0 };
  const stops = [store.watch?.("a", () => heard.store++), other.watch?.("a", () => heard.other++)];
  const waitForOther = async (count: number) => {
    for (let round = 0; heard.other < count && round < 500; round++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  await other.get("a");
  // Both look equally often: when the other has heard three times, this one has looked at least twice.
  for (const [index, value] of ["x", "y", "z"].entries()) {
    await store.set("a", value);
    await waitForOther(index + 1);
  }
  assertEquals(heard, { store: 0, other: 3 });
  await other.set("a", "news");
  await store.set("b", "x");
  for (let round = 0; heard.store === 0 && round < 500; round++) {
    await new Promise((done) => setTimeout(done, 10));
  }
  assertEquals(heard, { store: 1, other: 3 });
  for (const stop of stops) stop?.();
});

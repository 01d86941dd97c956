import { assertEquals } from "@std/assert";
import { dictionary } from "@zxcvbn-ts/language-common";
import { isPasswordTooLong, judgePassword } from "./policy.ts";

const owner = { email: "ada.byron@example.com", username: "zwenkauerin" };
const judge = (password: string, minCodePoints = 8) => judgePassword(password, { owner, minCodePoints });

Deno.test("R-01, R-02: length is judged in code points and bytes of the canonical form, at both ends", () => {
  const verdicts: [string, ReturnType<typeof judge>][] = [
    ["kq7-zwu", "PASSWORD_TOO_SHORT"],
    ["kq7-zwux", null],
    ["🐎🔋📎🐎🔋📎🐎", "PASSWORD_TOO_SHORT"],
    ["🐎🔋📎🐎🔋📎🐎🔋", null],
    ["e\u0301".repeat(7), "PASSWORD_TOO_SHORT"],
    ["kz".repeat(128), null],
    ["k".repeat(257), "PASSWORD_TOO_LONG"],
    ["e\u0301".repeat(256), null],
    ["🐎".repeat(256), null],
    ["🐎".repeat(257), "PASSWORD_TOO_LONG"],
    ["", "PASSWORD_TOO_SHORT"],
  ];
  for (const [password, verdict] of verdicts) assertEquals([password, judge(password)], [password, verdict]);
});

Deno.test("R-02: more than 1,024 bytes are too long, 1,024 are not", () => {
  assertEquals([isPasswordTooLong("🐎".repeat(256)), isPasswordTooLong("€".repeat(256))], [false, false]);
  assertEquals(isPasswordTooLong("k".repeat(256) + "k"), true);
});

Deno.test("R-05: what guessers try first is refused in any case, whoever registers", () => {
  const tried = [
    "password",
    "12345678",
    "123456789",
    "qwertyuiop",
    "iloveyou",
    "sunshine",
    "princess",
    "football",
    "baseball",
    "superman",
    "password1",
    "trustno1",
    "1q2w3e4r",
    "passw0rd",
    "11111111",
    "TrustNo1",
    "PASSWORD",
  ];
  for (const password of tried) assertEquals([password, judge(password)], [password, "PASSWORD_COMMON"]);
});

Deno.test("R-05: the 3,000 most used passwords that are long enough are all refused", () => {
  const longEnough = dictionary["passwords-common"].filter((password) => Array.from(password).length >= 8);
  const accepted = longEnough.slice(0, 3_000).filter((password) => judge(password) !== "PASSWORD_COMMON");
  assertEquals([longEnough.length >= 3_000, accepted], [true, []]);
});

Deno.test("R-05: the whole password is compared, so a phrase may hold a common word", () => {
  for (const phrase of ["password of the lighthouse", "12345678 sheep", "sunshine-and-princess"]) {
    assertEquals([phrase, judge(phrase)], [phrase, null]);
  }
});

Deno.test("R-06: the owner's names and the product's are refused, with digits and signs around them too", () => {
  const personal = [
    "ada.byron@example.com",
    "ADA.BYRON",
    "ada.byron1815",
    "zwenkauerin",
    "Zwenkauerin!!",
    "1852zwenkauerin",
    "watchword",
    "WatchWord2026!",
  ];
  for (const password of personal) assertEquals([password, judge(password)], [password, "PASSWORD_PERSONAL"]);
});

Deno.test("R-06: a phrase that only mentions a name is fine", () => {
  for (const phrase of ["zwenkauerin of lovelace", "my watchword is long", "ada.byron was here"]) {
    assertEquals([phrase, judge(phrase)], [phrase, null]);
  }
});

Deno.test("R-04: nothing is demanded of a password's composition", () => {
  for (const plain of ["zyxwvutsq", "        ab", "40718236", "ÄÖÜÄÖÜÄÖ"]) {
    assertEquals([plain, judge(plain)], [plain, null]);
  }
});

Deno.test("no setting lets an empty password in", () => {
  for (const least of [0, -1, NaN]) assertEquals(judge("", least), "PASSWORD_TOO_SHORT");
});

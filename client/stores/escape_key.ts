const plain = /^[a-z0-9_-]$/;

/**
 * Writes a key with a-z, 0-9, "_", "-" and "." alone, so that it fits the names of files and of secure stores. Two
 * keys never meet, not even where a file system takes capitals for small letters: they are escaped too.
 */
export function escapeKey(key: string): string {
  const bytes = [...new TextEncoder().encode(key)];
  const escaped = bytes.map((byte) => {
    const letter = String.fromCharCode(byte);
    return plain.test(letter) ? letter : `.${byte.toString(16).padStart(2, "0")}`;
  });
  // A secure store takes no empty key.
  return escaped.join("") || ".";
}

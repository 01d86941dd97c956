/** A module of the shape of `expo-secure-store`, which exists on phones only. */
const values = new Map<string, string>();

export const getItemAsync = (key: string) => Promise.resolve(values.get(key) ?? null);
export const setItemAsync = (key: string, value: string) => Promise.resolve(void values.set(key, value));

/** Exactly the same type: `any` equals only `any`, and optional, readonly and union members count. */
export type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

export type IsAny<T> = 0 extends 1 & T ? true : false;

/** Whether `any` stands anywhere in a type, ten levels down. */
export type HasAny<T, Depth extends unknown[] = []> = IsAny<T> extends true ? true
  : Depth["length"] extends 10 ? false
  : T extends (...parameters: infer P) => infer R
    ? HasAny<P, [...Depth, 0]> | HasAny<R, [...Depth, 0]> extends false ? false
    : true
  : T extends object ? true extends { [K in keyof T]-?: HasAny<T[K], [...Depth, 0]> }[keyof T] ? true : false
  : false;

/** Compiles only when every member is `true`; at run time it counts them. */
export function prove<Proofs extends true[]>(...names: { [K in keyof Proofs]: string }): number {
  return names.length;
}

/** The end of a `switch` that leaves nothing out. */
export function assertNever(value: never): never {
  throw new Error(`left out: ${JSON.stringify(value)}`);
}

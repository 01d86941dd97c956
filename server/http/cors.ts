/** Which browser origins may read answers. */
export interface CorsPolicy {
  allows(origin: string): boolean;
  /** Only for origins on the list: cookies follow no wildcard. */
  allowsCredentials(origin: string): boolean;
}

const MAX_AGE_SECONDS = "600";
const loopback = /^https?:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?$/;

/** An exact list; in development without one, any loopback origin. */
export function createCorsPolicy(
  exact: ReadonlySet<string>,
  { allowLoopback }: { allowLoopback: boolean },
): CorsPolicy {
  return {
    allows: (origin) => exact.has(origin) || (allowLoopback && exact.size === 0 && loopback.test(origin)),
    allowsCredentials: (origin) => exact.has(origin),
  };
}

// What a page may send to any site without asking first (Fetch §2.2.2), and tRPC would take.
const formTypes = /^(?:multipart\/form-data|application\/x-www-form-urlencoded|text\/plain)\b/i;

/** Whether a request comes from no page, from one of the host itself, or from an allowed one. */
export function isOriginAllowed(headers: Headers, policy: CorsPolicy): boolean {
  const origin = headers.get("origin");
  return origin === null || policy.allows(origin) ||
    origin.replace(/^https?:\/\//, "") === headers.get("host");
}

/** Whether a request is a form of a page that may not read the answer; without fields it has no body. */
export function isForeignForm(headers: Headers, policy: CorsPolicy): boolean {
  // No page can set Sec-Fetch-Site. A proxy may have changed the host, and older browsers send an origin alone.
  return formTypes.test(headers.get("content-type") ?? "") &&
    headers.get("sec-fetch-site") !== "same-origin" && !isOriginAllowed(headers, policy);
}

/** Answers a preflight (Fetch §3.3). A foreign origin gets no permission, and no reason. */
export function preflightResponse(
  request: Request,
  policy: CorsPolicy,
  methods: readonly string[],
): Response {
  const response = new Response(null, { status: 204 });
  const origin = request.headers.get("origin");
  if (origin !== null && policy.allows(origin)) {
    const permitted = methods.filter((method) => method !== "OPTIONS");
    response.headers.set("access-control-allow-methods", permitted.join(", "));
    response.headers.set(
      "access-control-allow-headers",
      "authorization, content-type, trpc-accept, last-event-id, x-watchword-mode",
    );
    response.headers.set("access-control-max-age", MAX_AGE_SECONDS);
  }
  response.headers.set("allow", methods.join(", "));
  return response;
}

/** Lets an allowed origin read the answer. The origin is never reflected unless it is on the list. */
export function allowOrigin(response: Response, request: Request, policy: CorsPolicy): void {
  response.headers.append("vary", "origin");
  const origin = request.headers.get("origin");
  if (origin === null || !policy.allows(origin)) return;
  response.headers.set("access-control-allow-origin", origin);
  if (policy.allowsCredentials(origin)) response.headers.set("access-control-allow-credentials", "true");
  response.headers.set("access-control-expose-headers", "retry-after, x-request-id");
}

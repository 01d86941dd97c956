import { docsPagePolicy, renderDocsPage } from "./docs_page.ts";
import { createOpenApi, type OpenApi } from "./openapi.ts";
import type { RestRoute } from "./rest_routes.ts";

interface DocsFacts {
  /** Where the service is reached. */
  issuer: string;
  docsUrl: string;
}

/** What describes the REST facade. */
export interface RestDocs {
  /** `/openapi.json` */
  openapi(): Response;
  /** `/docs` */
  page(): Response;
}

/** Builds both from the routes, when they are first asked for. */
export function createRestDocs(routes: RestRoute[], facts: DocsFacts): RestDocs {
  let document: OpenApi | undefined;
  let page: string | undefined;
  const readDocument = () => document ??= createOpenApi(routes, facts);
  return {
    openapi: () => Response.json(readDocument()),
    page() {
      page ??= renderDocsPage(readDocument(), facts.issuer);
      const headers = {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": docsPagePolicy,
      };
      return new Response(page, { headers });
    },
  };
}

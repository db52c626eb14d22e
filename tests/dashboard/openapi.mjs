// A description of an API with everything in it that the page at /docs shows.

export const OPENAPI = {
  openapi: "3.1.0",
  info: {
    title: "cloister",
    version: "0.1.0",
    description: "What a node answers over HTTP. Errors are `{code, message, hint, party, trace}` everywhere.\n\n- **Times** are RFC 3339, UTC.\n- Unknown keys must be tolerated.\n\n```sh\ncurl -H \"Authorization: Bearer $TOKEN\" http://127.0.0.1:8001/v1/node\n```",
  },
  tags: [{ name: "people" }, { name: "fdrtd" }],
  paths: {
    "/v1/node": {
      get: {
        tags: ["people"],
        summary: "This node, and who calls",
        responses: { 200: { description: "the node", content: { "application/json": { schema: { $ref: "#/components/schemas/Node" } } } }, 401: { $ref: "#/components/responses/Unauthorized" } },
      },
    },
    "/v1/computations/{id}": {
      parameters: [{ name: "id", in: "path", required: true, description: "this node's own name of it", schema: { type: "string", format: "uuid", example: "3b3db573-0d12-4a2d-86e1-f5c997f7834c" } }],
      get: {
        tags: ["people"],
        summary: "One computation, with its rounds",
        description: "`result`, `security` and `disclosure` only for the principal whose computation it is.",
        responses: { 200: { description: "it", content: { "application/json": { schema: { type: "object", required: ["id", "rounds"], properties: { id: { type: "string", format: "uuid" }, state: { enum: ["running", "done", "failed", "cancelled"] }, rounds: { type: "array", items: { type: "object", properties: { round: { type: "integer", minimum: 0 }, stage: { type: "string", description: "what it is for" }, ended: { type: ["number", "null"] } } } }, result: { type: ["object", "null"] } } } } } } },
      },
      delete: {
        tags: ["people"],
        summary: "Cancels it at all nodes",
        responses: { 200: { description: "cancelled", content: { "application/json": { example: { cancelled: true } } } }, 409: { description: "it has ended: `already_ended`", content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } } } },
      },
    },
    "/v1/approvals/{id}": {
      post: {
        tags: ["people"],
        summary: "Decides",
        parameters: [{ name: "id", in: "path", required: true, schema: { type: "integer" }, example: 7 }],
        requestBody: { required: true, content: { "application/json": { schema: { type: "object", required: ["decision"], properties: { decision: { enum: ["grant", "refuse"] }, times: { type: "integer", minimum: 1, default: 1 }, days: { type: "integer", minimum: 1, default: 7 } } }, examples: { grant: { summary: "Ten times within a month", value: { decision: "grant", times: 10, days: 30 } }, refuse: { value: { decision: "refuse" } } } } } },
        responses: { 200: { description: "decided" }, 403: { description: "`wrong_role`" } },
      },
    },
    "/representations": {
      post: { tags: ["fdrtd"], summary: "Makes a handle", deprecated: true, requestBody: { content: { "application/json": { schema: { oneOf: [{ $ref: "#/components/schemas/Node" }, { type: "array", items: { type: "number" } }] } } } }, responses: { 201: { description: "made", headers: { Location: { description: "where it is" } } } } },
    },
  },
  components: {
    securitySchemes: { bearer: { type: "http", scheme: "bearer", description: "a token of this node" } },
    responses: { Unauthorized: { description: "a token is needed", content: { "application/json": { schema: { $ref: "#/components/schemas/Error" } } } } },
    schemas: {
      Node: { type: "object", required: ["party"], properties: { party: { type: "string", example: "clinic-a" }, certificate: { type: "object", properties: { days_left: { type: "integer" } } }, next: { $ref: "#/components/schemas/Node" }, more: { type: "object", additionalProperties: { type: "string" } } } },
      Error: { type: "object", description: "What went wrong.", properties: { code: { type: "string" }, message: { type: "string" }, hint: { type: "string" }, party: { type: ["string", "null"] }, trace: { type: "string" } }, example: { code: "wrong_role", message: "ada may not read the audit log", hint: "", party: null, trace: "…" } },
    },
  },
};

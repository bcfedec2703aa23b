// Calls the Task Manager with the typed client: each line of the input is a call, each line of the output its answer.
// The types are left aside on purpose: wrong input has to reach the gateway. Argument: the gateway's address.

import { createInterface } from "node:readline";
import { createApi, ProblemError, unwrap } from "./client.js";

type Result = Promise<{ data?: unknown; error?: unknown; response: Response }>;
type Untyped = Record<string, (path: string, init: object) => Result>;
type Call = { method: string; path: string; token: string; params: object; body?: unknown };

let token = "";
// One attempt: a second one would find another state of the lock of logins than the other doors find.
const api = createApi({ baseUrl: process.argv[2] ?? "", token: () => token || undefined, attempts: 1 });

async function answer({ method, path, token: shown, ...init }: Call): Promise<object> {
  token = shown;
  const call = (api as unknown as Untyped)[method];
  if (call === undefined) {
    return { raised: `no method ${method}` };
  }
  let status = 0;
  try {
    const result = call(path, init);
    status = (await result).response.status;
    return { status, data: (await unwrap(result)) ?? null };
  } catch (error) {
    return error instanceof ProblemError ? { status: error.status, problem: error.problem } : { raised: String(error) };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await answer(JSON.parse(line) as Call)));
}

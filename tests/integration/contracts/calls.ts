// Calls the Task Manager with the typed client, and prints what came back. Arguments: the address, and what to do.

import { createApi, ProblemError, unwrap } from "./client.js";

const [baseUrl = "", work = ""] = process.argv.slice(2);
let token = "";
const api = createApi({ baseUrl, token: () => token || undefined, pause: 1, longestPause: 1000 });

const key = () => ({ header: { "Idempotency-Key": crypto.randomUUID() } });
const create = (title: string) => api.POST("/api/v2/tasks/", { params: key(), body: { title, priority: "high" } });

async function refusal(call: Promise<unknown>): Promise<[string, number]> {
  try {
    await call;
  } catch (error) {
    if (error instanceof ProblemError) {
      return [error.code, error.status];
    }
    throw error;
  }
  throw new Error("it was not refused");
}

async function wholeJob(): Promise<unknown> {
  const account = { email: "ada@example.org", password: "correct horse 1" };
  const user = await unwrap(api.POST("/api/v1/auth/register", { params: key(), body: account }));
  const unknown = await refusal(unwrap(api.GET("/api/v2/internal/stats")));
  token = (await unwrap(api.POST("/api/v1/auth/login", { body: account }))).access_token;
  const task = await unwrap(create("Buy milk"));
  const path = { task_id: task.id };
  const done = await unwrap(api.PUT("/api/v2/tasks/{task_id}", { params: { path }, body: { status: "done" } }));
  const listed = await unwrap(api.GET("/api/v1/tasks/", { params: { query: { limit: 1 } } }));
  await unwrap(api.DELETE("/api/v1/tasks/{task_id}", { params: { path } }));
  const missing = await refusal(unwrap(api.GET("/api/v1/tasks/{task_id}", { params: { path } })));
  const invalid = await refusal(unwrap(create("")));
  // @ts-expect-error -- the compiler refuses a priority that there is not
  api.POST("/api/v2/tasks/", { params: key(), body: { title: "x", priority: "none" } }).catch(() => undefined);
  const titles = listed.map((each) => each.title);
  return { owner: user.id === task.owner_id, status: done.status, titles, unknown, missing, invalid };
}

const result = work === "job" ? await wholeJob() : await unwrap(create("x")).catch((error: unknown) => String(error));
console.log(JSON.stringify(result ?? null));

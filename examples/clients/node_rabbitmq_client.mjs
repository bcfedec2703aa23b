// A client with rabbitmq-client: reads calls and tells what became of each; see docs/protocol.md. Its RPCClient is not
// used, because it makes a new correlation id for each attempt and lets requests expire.
import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { Connection } from 'rabbitmq-client';

const queues = process.env.CONFORMANCE_QUEUES;
const connection = new Connection({ url: process.env.CONFORMANCE_URL, retryLow: 50 });
connection.on('error', () => {}); // it connects again by itself
const waiting = new Map(); // by correlation id: what to do with what comes for a call
const tell = (id, outcome) => waiting.get(id)?.(outcome);
let channel;

function read(body, id) {
  try {
    const { correlation_id, status, data, code, error, details } = JSON.parse(body);
    if (correlation_id === id && status === 'ok') return { outcome: 'result', data };
    if (correlation_id === id && status === 'error') return { outcome: 'error', code, error, details };
  } catch {} // a reply that cannot be read: nothing is known
  return { outcome: 'no_answer' };
}

async function open() {
  const opened = await connection.acquire();
  opened.on('close', () => { for (const done of waiting.values()) done({ outcome: 'lost' }); });
  opened.on('basic.return', ({ correlationId }) => tell(correlationId, { outcome: 'not_sent' }));
  await opened.confirmSelect();
  const take = ({ correlationId: id, body }) => tell(id, read(Buffer.isBuffer(body) ? body : JSON.stringify(body), id));
  await opened.basicConsume({ queue: 'amq.rabbitmq.reply-to', noAck: true }, take);
  return opened;
}

const attempt = (request, end) => new Promise((done) => {
  const timer = setTimeout(() => done({ outcome: 'no_answer' }), end - Date.now());
  waiting.set(request.id, (outcome) => { clearTimeout(timer); done(outcome); });
  const where = { exchange: `${queues}.direct`, routingKey: `${queues}.requests`, mandatory: true, durable: true };
  const envelope = { ...where, correlationId: request.id, replyTo: 'amq.rabbitmq.reply-to', contentType: 'application/json' };
  channel.basicPublish(envelope, Buffer.from(JSON.stringify(request)))
    .catch(({ code }) => tell(request.id, code === 'NACK' ? { outcome: 'error', code: 'overloaded' } : { outcome: 'lost' }));
}).finally(() => waiting.delete(request.id));

async function call({ timeout = 20, ...asked }) {
  const request = { id: randomUUID(), version: 'v1', auth: '', ...asked };
  const end = Date.now() + timeout * 1000;
  for (let sent = false; Date.now() < end; ) {
    const once = async () => { channel = channel?.active ? channel : await open(); return attempt(request, end); };
    const outcome = await once().catch(() => ({ outcome: 'lost' }));
    if (outcome.outcome === 'lost') { sent = true; await sleep(50); continue; }
    const unsure = sent && (outcome.outcome === 'not_sent' || outcome.code === 'overloaded'); // of an earlier attempt
    return { id: request.id, ...(unsure ? { outcome: 'no_answer' } : outcome) };
  }
  return { id: request.id, outcome: 'no_answer' };
}

for await (const asked of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await call(JSON.parse(asked))));
}
await channel?.close();
await connection.close();

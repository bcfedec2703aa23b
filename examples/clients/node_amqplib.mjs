// A client with amqplib: reads calls and tells what became of each; see docs/protocol.md.
import { randomUUID } from 'node:crypto';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import amqplib from 'amqplib';

const { CONFORMANCE_URL: url, CONFORMANCE_QUEUES: queues } = process.env;
const waiting = new Map(); // by correlation id: what to do with what comes for a call
const tell = (id, outcome) => waiting.get(id)?.(outcome);
let line; // the connection and its channel; undefined while there is none

function read(body, id) {
  try {
    const { correlation_id, status, data, code, error, details } = JSON.parse(body);
    if (correlation_id === id && status === 'ok') return { outcome: 'result', data };
    if (correlation_id === id && status === 'error') return { outcome: 'error', code, error, details };
  } catch {} // a reply that cannot be read: nothing is known
  return { outcome: 'no_answer' };
}

async function connect() {
  const connection = await amqplib.connect(url);
  connection.on('error', () => {}); // 'close' follows
  const channel = await connection.createConfirmChannel();
  channel.on('error', () => {});
  channel.on('return', ({ properties }) => tell(properties.correlationId, { outcome: 'not_sent' }));
  const take = ({ properties: { correlationId: id }, content }) => tell(id, read(content, id));
  await channel.consume('amq.rabbitmq.reply-to', take, { noAck: true });
  connection.on('close', () => { line = undefined; for (const done of waiting.values()) done({ outcome: 'lost' }); });
  return { connection, channel };
}

const attempt = (request, end) => new Promise((done) => {
  const timer = setTimeout(() => done({ outcome: 'no_answer' }), end - Date.now());
  waiting.set(request.id, (outcome) => { clearTimeout(timer); done(outcome); });
  const properties = {
    correlationId: request.id, replyTo: 'amq.rabbitmq.reply-to', contentType: 'application/json', persistent: true, mandatory: true,
  };
  line.channel.publish(`${queues}.direct`, `${queues}.requests`, Buffer.from(JSON.stringify(request)), properties,
    (error) => error?.message === 'message nacked' && tell(request.id, { outcome: 'error', code: 'overloaded' }));
}).finally(() => waiting.delete(request.id));

async function call({ timeout = 20, ...asked }) {
  const request = { id: randomUUID(), version: 'v1', auth: '', ...asked };
  const end = Date.now() + timeout * 1000;
  for (let sent = false; Date.now() < end; ) {
    const once = async () => { line ??= await connect(); return attempt(request, end); };
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
await line?.connection.close();

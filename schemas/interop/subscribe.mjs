// Subscribes to a subject of a running callbus and holds every event to its schema.
//
//   NATS_URL=nats://127.0.0.1:4222 node subscribe.mjs SUBJECT COUNT TIMEOUT_SECONDS
//
// Prints one line per event. Exits 0 after COUNT valid events; 1 on the first that is not valid, and when time is up;
// 2 when it was called wrongly.
import { connect } from "@nats-io/transport-node";
import { readEvent } from "./event.mjs";

const [subject, count, timeout] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
const url = process.env.NATS_URL;
if (!url || !subject || !(count > 0) || !(timeout > 0)) {
  console.error("usage: NATS_URL=nats://HOST:PORT node subscribe.mjs SUBJECT COUNT TIMEOUT_SECONDS");
  process.exit(2);
}

let seen = 0;
setTimeout(() => fail(`${seen} of ${count} events came on ${subject} within ${timeout} s`), timeout * 1000);

const nc = await connect({ servers: url, timeout: timeout * 1000 }).catch((error) => fail(`no connection to ${url}: ${error.message}`));
const subscription = nc.subscribe(subject);
await nc.flush();
console.error(`subscribed to ${subject}`);

for await (const message of subscription) {
  try {
    const event = readEvent(message.headers?.get("Content-Type"), message.string());
    if (message.headers.get("Nats-Msg-Id") !== event.id) throw new Error("Nats-Msg-Id is not the event's id");
    console.log(message.subject, event.id, event.time);
  } catch (error) {
    fail(`${message.subject}: ${error.message}`);
  }
  if (++seen === count) break;
}
if (seen < count) fail(`the server closed the connection after ${seen} of ${count} events`);
await nc.close();
process.exit(0);

function fail(sentence) {
  console.error(sentence);
  process.exit(1);
}

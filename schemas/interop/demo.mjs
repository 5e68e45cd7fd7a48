// Lets a plain NATS client in JavaScript listen to a callbus demo: node demo.mjs ../../bin/callbus SUBJECT COUNT SECONDS
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

const [callbus, subject, count, seconds] = process.argv.slice(2);
if (!seconds) {
  console.error("usage: node demo.mjs CALLBUS SUBJECT COUNT SECONDS");
  process.exit(2);
}

const demo = spawn(callbus, ["demo"], { stdio: ["ignore", "ignore", "pipe"] });
demo.on("error", (err) => fail(`cannot start ${callbus}: ${err.message}`));
demo.on("exit", (code) => fail(`callbus demo ended by itself, with code ${code}`));

const tooLate = setTimeout(() => fail("callbus demo did not say within 30 s where its events are"), 30_000);
for await (const line of createInterface({ input: demo.stderr })) {
  const url = line.match(/nats:\/\/[^\s]+/)?.[0];
  if (url) {
    clearTimeout(tooLate);
    subscribe(url);
    break;
  }
}

function subscribe(url) {
  demo.stderr.resume(); // or it would stop once the pipe is full
  const args = [new URL("subscribe.mjs", import.meta.url).pathname, subject, count, seconds];
  const subscriber = spawn(process.execPath, args, { stdio: "inherit", env: { ...process.env, NATS_URL: url } });
  subscriber.on("exit", (code) => {
    demo.removeAllListeners("exit");
    demo.on("exit", () => process.exit(code ?? 1));
    demo.kill("SIGTERM");
  });
}

function fail(sentence) {
  console.error(sentence);
  demo.kill("SIGKILL");
  process.exit(1);
}

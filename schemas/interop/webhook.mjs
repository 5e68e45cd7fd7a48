// Receives webhooks of a real callbus, and holds each to the official libraries: standardwebhooks verifies the signature,
// cloudevents reads the event, in structured and in binary mode.
//
//   node webhook.mjs CALLBUS COUNT SECONDS
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { HTTP } from "cloudevents";
import { Webhook } from "standardwebhooks";

const [callbus, count, seconds] = [process.argv[2], Number(process.argv[3]), Number(process.argv[4])];
if (!callbus || !(count > 0) || !(seconds > 0)) {
  console.error("usage: node webhook.mjs CALLBUS COUNT SECONDS");
  process.exit(2);
}
const secret = "whsec_" + Buffer.from(crypto.getRandomValues(new Uint8Array(32))).toString("base64");
const folder = mkdtempSync(join(tmpdir(), "callbus-interop-"));
const seen = { structured: 0, binary: 0 };
const children = [];
setTimeout(() => end(1, `${seen.structured} structured and ${seen.binary} binary webhooks came within ${seconds} s, want ${count} of each`), seconds * 1000);

const server = createServer((request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    const mode = request.url.slice(1);
    try {
      check(mode, request.headers, Buffer.concat(parts).toString("utf8"));
      response.writeHead(204).end();
    } catch (error) {
      response.writeHead(400).end();
      end(1, `${mode}: ${error.message}`);
    }
    if (seen.structured >= count && seen.binary >= count) end(0, `${seen.structured} structured and ${seen.binary} binary webhooks, all signed and well-formed`);
  });
});
server.listen(0, "127.0.0.1", start);

function check(mode, headers, body) {
  new Webhook(secret).verify(body, headers);
  const event = HTTP.toEvent({ headers, body });
  event.validate();
  const binary = headers["content-type"].startsWith("application/json");
  if (binary !== (mode === "binary")) throw new Error(`content type ${headers["content-type"]}`);
  if (!event.type.startsWith("call.") || event.data.account !== "sim" || event.account !== "sim") throw new Error(`an event of type ${event.type}, account ${event.account}`);
  seen[mode]++;
}

// start lets callbus watch a simulated PBX and deliver to this receiver, once in each mode.
async function start() {
  const pbx = child(["pbxsim", "--listen", "127.0.0.1:0", "--rate", "120", "--scale", "0.05"], process.env, "pipe");
  const env = { ...process.env, ...(await settings(pbx.stdout)) };
  const sinks = Object.keys(seen);
  Object.assign(env, {
    CALLBUS_ACCOUNTS: "sim", CALLBUS_ACCOUNT_SIM_POLL_ACTIVE: "500ms", CALLBUS_ACCOUNT_SIM_POLL_CDR: "1s",
    CALLBUS_DATA_DIR: join(folder, "data"), CALLBUS_NATS_LISTEN: "off", CALLBUS_HTTP_LISTEN: "off", CALLBUS_SINKS: sinks.join(","),
  });
  for (const mode of sinks) {
    const prefix = `CALLBUS_SINK_${mode.toUpperCase()}_`;
    Object.assign(env, {
      [prefix + "KIND"]: "webhook", [prefix + "URL"]: `http://127.0.0.1:${server.address().port}/${mode}`, [prefix + "SECRET"]: secret,
      [prefix + "MODE"]: mode, [prefix + "ALLOW_CIDRS"]: "127.0.0.1/32", [prefix + "START"]: "all",
    });
  }
  child(["run"], env, "ignore");
}

// settings reads from what pbxsim prints how its first PBX is watched.
async function settings(output) {
  const found = {};
  for await (const line of createInterface({ input: output })) {
    const pair = line.match(/(CALLBUS_ACCOUNT_SIM_\w+)=(\S+)/);
    if (pair) found[pair[1]] = pair[2];
    if (line.includes("callbus run") && Object.keys(found).length > 1) break;
  }
  return found;
}

function child(args, env, stdout) {
  const process = spawn(callbus, args, { env, stdio: ["ignore", stdout, "inherit"] });
  process.on("error", (error) => end(1, `cannot start ${callbus}: ${error.message}`));
  process.on("exit", (code) => end(1, `callbus ${args[0]} ended by itself, with code ${code}`));
  children.push(process);
  return process;
}

function end(code, sentence) {
  console[code ? "error" : "log"](sentence);
  for (const process of children) {
    process.removeAllListeners("exit");
    process.kill("SIGKILL");
  }
  rmSync(folder, { recursive: true, force: true });
  process.exit(code);
}

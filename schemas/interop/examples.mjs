// Reads every example in ../examples as a CloudEvent and validates it. Every schema of an event has its example.
import { readdirSync, readFileSync } from "node:fs";
import { contentType, readEvent } from "./event.mjs";

const schemas = new URL("../", import.meta.url);
const examples = new URL("../examples/", import.meta.url);
const notOfAType = ["asyncapi.json", "envelope.json"];
const files = readdirSync(schemas).filter((name) => name.endsWith(".json") && !notOfAType.includes(name));
if (files.length === 0) throw new Error("there are no schemas");

let failed = false;
for (const file of files) {
  try {
    const event = readEvent(contentType, readFileSync(new URL(file, examples), "utf8"));
    if (`${event.type}.json` !== file) throw new Error(`its type is ${event.type}`);
    console.log(`ok ${file}`);
  } catch (error) {
    failed = true;
    console.error(`examples/${file}: ${error.message}`);
  }
}
process.exit(failed ? 1 : 0);

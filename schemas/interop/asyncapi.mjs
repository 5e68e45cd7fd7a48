// Reads ../asyncapi.json with AsyncAPI's own parser. Any error fails; warnings are shown.
import { readFileSync } from "node:fs";
import { Parser } from "@asyncapi/parser";

const file = new URL("../asyncapi.json", import.meta.url);
const { document, diagnostics } = await new Parser().parse(readFileSync(file, "utf8"));

const errorSeverity = 0;
const severities = ["error", "warning", "information", "hint"];
for (const d of diagnostics) {
  console.error(`${severities[d.severity]} at /${d.path.join("/")}: ${d.message}`);
}
if (!document || diagnostics.some((d) => d.severity === errorSeverity)) {
  console.error("asyncapi.json is not a valid AsyncAPI document");
  process.exit(1);
}
const channels = document.allChannels().all();
if (channels.length === 0) {
  console.error("asyncapi.json has no channels");
  process.exit(1);
}
for (const channel of channels) console.log(channel.address());

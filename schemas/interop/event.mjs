// Reads one event as a consumer would who has callbus's schemas and nothing else of callbus.
import { readdirSync, readFileSync } from "node:fs";
import Ajv2020 from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { HTTP } from "cloudevents";

export const contentType = "application/cloudevents+json";

const schemas = new URL("../", import.meta.url);
const ajv = new Ajv2020({ allErrors: true, strict: true, allowUnionTypes: true });
addFormats(ajv);
for (const name of readdirSync(schemas)) {
  if (name.endsWith(".json") && name !== "asyncapi.json") {
    ajv.addSchema(JSON.parse(readFileSync(new URL(name, schemas), "utf8")));
  }
}

// readEvent returns the CloudEvent in body, or throws an error that says what is wrong with it.
export function readEvent(type, body) {
  if (type !== contentType) {
    throw new Error(`Content-Type is ${JSON.stringify(type)}, want ${contentType}`);
  }
  const event = HTTP.toEvent({ headers: { "content-type": type }, body });
  event.validate();
  // The package invents an id and a time where there is none: the document itself is what must be valid.
  check("urn:callbus:schema:envelope:1", JSON.parse(body));
  check(event.dataschema, event.data);
  return event;
}

function check(id, value) {
  const validate = ajv.getSchema(id);
  if (!validate) throw new Error(`no schema ${id}`);
  if (!validate(value)) throw new Error(`${id}: ${ajv.errorsText(validate.errors)}`);
}

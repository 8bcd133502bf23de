import { type FactReader, placeOf } from "../../hosts/reader.js";

/** Words of strerror for what init_module of kvm_intel returns. */
const ERRORS: { readonly [words: string]: string } = {
  "operation not supported": "EOPNOTSUPP",
  "input/output error": "EIO",
  "invalid argument": "EINVAL",
  "cannot allocate memory": "ENOMEM",
  "numerical result out of range": "ERANGE",
};

const REFUSED =
  /(?:could not insert (?:module )?|Error inserting |Failed to insert (?:module )?)['"]?(?:\S{0,120}\/)?(kvm[-_]intel)(?:\.ko(?:\.[xg]z|\.zst)?)?['"]?(?: ?\([^()]{1,160}\))?: ([A-Z][a-z/]{3,12}(?: [a-z]{2,10}){0,4})/;

/** What modprobe, insmod and systemd-modules-load say when the kernel refuses kvm_intel. */
export const loadError: FactReader = {
  kind: "facts",
  name: "load-error",
  knows: "The error with which the kernel refused kvm_intel, from modprobe, insmod or systemd.",
  mark: /(?:could not insert|Error inserting|Failed to insert) \S/,
  words: ["could not insert", "Error inserting", "Failed to insert"],
  open: (sink) => ({
    line(line) {
      const found = REFUSED.exec(line.text);
      const error = ERRORS[(found?.[2] ?? "").toLowerCase()];
      if (found === null || error === undefined) return false;
      sink.system("load error", error, placeOf(line, found.index + 1));
      return true;
    },
  }),
};

import { compareFiles } from "../test/oracles/vectors/compare-files.js";

/** npm run vectors -- FILE|DIRECTORY…: compares every case of the given vector files, see `compareFiles`. */
process.exitCode = compareFiles(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
});

// Verifies DKIM signatures with mailauth, another judge of ours.
//
// node verify.mjs < job.json
//   {now, dns, mails}: Unix seconds; name -> text of the TXT record; paths of files
// A JSON array is printed: for each mail, for each signature from the top, [selector, what mailauth says of it].
import { readFileSync } from "node:fs";
import { dkimVerify } from "mailauth/lib/dkim/verify.js";

const job = JSON.parse(readFileSync(0, "utf8"));

async function resolver(name, type) {
  if (type === "TXT" && name in job.dns) return [[job.dns[name]]];
  throw Object.assign(new Error(`${name} has no ${type}`), { code: "ENOTFOUND" });
}

const told = [];
for (const path of job.mails) {
  const { results } = await dkimVerify(readFileSync(path), { resolver, curTime: new Date(job.now * 1000) });
  told.push(results.map((one) => [one.selector ?? "", one.status.comment ? `${one.status.result}: ${one.status.comment}` : one.status.result]));
}
console.log(JSON.stringify(told));

// Sends the invoice as an application with Nodemailer does: AUTH, STARTTLS, HTML with an inline logo and a PDF.
//
// node send.mjs < job.json
//   {host, port, user, password, ca, from, to, text, html, logo, pdf, written}: logo and pdf in base64, ca a PEM
// The mail, as Nodemailer composed it, goes into the file `written` before it is sent; the reply to DATA is printed.
import { readFileSync, writeFileSync } from "node:fs";
import nodemailer from "nodemailer";
import MailComposer from "nodemailer/lib/mail-composer/index.js";

const job = JSON.parse(readFileSync(0, "utf8"));

const composed = new MailComposer({
  from: `Verein Nordlicht <${job.from}>`,
  to: job.to,
  subject: "Rechnung für November",
  text: job.text,
  html: job.html,
  attachments: [
    { filename: "logo.png", content: Buffer.from(job.logo, "base64"), cid: "logo@club.test" },
    { filename: "Rechnung INV-1042.pdf", content: Buffer.from(job.pdf, "base64") },
  ],
}).compile();
const raw = await composed.build();
writeFileSync(job.written, raw);

const transport = nodemailer.createTransport({
  host: job.host,
  port: job.port,
  requireTLS: true,
  tls: { ca: job.ca },
  auth: { user: job.user, pass: job.password },
});
const sent = await transport.sendMail({ envelope: { from: job.from, to: [job.to] }, raw });
console.log(sent.response);

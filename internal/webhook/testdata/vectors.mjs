// Signs messages with the senders' own libraries: npm i svix@1 standardwebhooks@1 stripe@23,
// then node vectors.mjs > vectors.json. The tests read the file, and never this.
import { createHmac } from "node:crypto";
import { Webhook as Standard } from "standardwebhooks";
import Stripe from "stripe";
import { Webhook as Svix } from "svix";

const stamp = 1767607200; // 2026-01-05T10:00:00Z
const bodies = [
  '{"type":"user.created","data":{"id":"user_1"}}',
  '{"type":"invoice.paid","text":"Grüße, 東京 \\u2028 \\ud83d\\ude00","n":1234567890123456789}',
  "{}",
  ' {"spaces" : [1,\t2] }\n',
];
const whsec = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";
const plain = "whsec_stripe_endpoint_secret_0123456789";
const out = [];
for (const [i, body] of bodies.entries()) {
  const id = `msg_${i}`;
  const date = new Date(stamp * 1000);
  out.push({ library: "svix", type: "standard", secret: whsec, body, id, headers: { "svix-id": id, "svix-timestamp": String(stamp), "svix-signature": new Svix(whsec).sign(id, date, body) } });
  out.push({ library: "standardwebhooks", type: "standard", secret: whsec, body, id, headers: { "webhook-id": id, "webhook-timestamp": String(stamp), "webhook-signature": new Standard(whsec).sign(id, date, body) } });
  out.push({ library: "stripe", type: "stripe", secret: plain, body, id: "", headers: { "Stripe-Signature": Stripe.webhooks.generateTestHeaderString({ payload: body, secret: plain, timestamp: stamp }) } });
  out.push({ library: "node:crypto, as Segment", type: "hmac-sha1", header: "X-Signature", secret: plain, body, id: "", headers: { "X-Signature": createHmac("sha1", plain).update(body).digest("hex") } });
  out.push({ library: "node:crypto, as GitHub", type: "hmac-sha256", header: "X-Hub-Signature-256", prefix: "sha256=", secret: plain, body, id: "", headers: { "X-Hub-Signature-256": "sha256=" + createHmac("sha256", plain).update(body).digest("hex") } });
  out.push({ library: "node:crypto, as Shopify", type: "hmac-sha256", header: "X-Shopify-Hmac-Sha256", secret: plain, body, id: "", headers: { "X-Shopify-Hmac-Sha256": createHmac("sha256", plain).update(body).digest("base64") } });
  out.push({ library: "node:crypto, with a time", type: "hmac-sha256", header: "X-Signature", timestampHeader: "X-Timestamp", secret: plain, body, id: "", headers: { "X-Timestamp": String(stamp), "X-Signature": createHmac("sha256", plain).update(`${stamp}.${body}`).digest("hex") } });
}
console.log(JSON.stringify(out, null, 1));

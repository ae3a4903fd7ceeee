// The MCP SDK's OAuth client: from a 401 to an answer, registered or with a metadata document, and a refresh.
import { auth, extractWWWAuthenticateParams } from "@modelcontextprotocol/sdk/client/auth.js";
import { allow } from "./person.mjs";

const [, resource, document] = process.argv.slice(2);
const redirectUrl = "http://127.0.0.1:53777/cb";

class Provider {
  constructor(clientMetadataUrl) {
    this.clientMetadataUrl = clientMetadataUrl;
  }
  redirectUrl = redirectUrl;
  clientMetadata = {
    client_name: "Desktop", redirect_uris: [redirectUrl], token_endpoint_auth_method: "none",
    grant_types: ["authorization_code", "refresh_token"], response_types: ["code"],
  };
  clientInformation() { return this.client; }
  saveClientInformation(client) { this.client = client; }
  tokens() { return this.saved; }
  saveTokens(tokens) { this.saved = tokens; }
  codeVerifier() { return this.verifier; }
  saveCodeVerifier(verifier) { this.verifier = verifier; }
  state() { return "a state"; }
  async redirectToAuthorization(url) { this.answer = await allow(url); }
}

const found = {};
for (const [way, clientMetadataUrl] of [["registered", undefined], ["document", document]]) {
  const provider = new Provider(clientMetadataUrl);
  const { resourceMetadataUrl, scope } = extractWWWAuthenticateParams(await fetch(resource));
  const options = { serverUrl: resource, resourceMetadataUrl, scope };
  const first = await auth(provider, options);
  const answer = provider.answer.searchParams;
  const second = await auth(provider, { ...options, authorizationCode: answer.get("code"), iss: answer.get("iss") });
  const before = provider.saved.refresh_token;
  const third = await auth(provider, options);
  const call = await fetch(resource, { headers: { authorization: `Bearer ${provider.saved.access_token}` } });
  found[way] = {
    steps: [first, second, third], rotated: provider.saved.refresh_token !== before,
    client: provider.client.client_id, answer: await call.json(),
  };
}
console.log(JSON.stringify(found));

// openid-client as a relying party: discovery, registration, a loopback redirect. Prints what it found as JSON.
import * as client from "openid-client";
import { allow } from "./person.mjs";

const [issuer, resource] = process.argv.slice(2);
const redirect_uri = "http://127.0.0.1:53682/cb";
const config = await client.dynamicClientRegistration(
  new URL(issuer),
  {
    redirect_uris: ["http://127.0.0.1/cb"],
    grant_types: ["authorization_code", "refresh_token"],
    token_endpoint_auth_method: "none",
    application_type: "native",
    client_name: "openid-client",
  },
  client.None(),
);
const pkceCodeVerifier = client.randomPKCECodeVerifier();
const [expectedState, expectedNonce] = [client.randomState(), client.randomNonce()];
const url = client.buildAuthorizationUrl(config, {
  redirect_uri, scope: "openid email mcp offline_access", resource, state: expectedState, nonce: expectedNonce,
  code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier), code_challenge_method: "S256",
});
const answer = await allow(url);
const tokens = await client.authorizationCodeGrant(config, answer, {
  pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true,
});
const found = { answered: answer.origin, claims: tokens.claims() };
found.answer = await (await client.fetchProtectedResource(config, tokens.access_token, new URL(resource), "GET")).json();
const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token);
found.rotated = refreshed.refresh_token !== tokens.refresh_token;
await client.tokenRevocation(config, refreshed.refresh_token);
try {
  await client.refreshTokenGrant(config, refreshed.refresh_token);
} catch (error) {
  found.refusal = error.error;
}
console.log(JSON.stringify(found));

// oauth4webapi as a relying party: every answer goes through its validation. Prints what it found as JSON.
import * as oauth from "oauth4webapi";
import { allow } from "./person.mjs";

const [issuer, resource] = process.argv.slice(2);
const found = {};
const redirect_uri = "https://app.example/cb";

for (const algorithm of ["oauth2", "oidc"]) {
  const answer = await oauth.discoveryRequest(new URL(issuer), { algorithm });
  found[algorithm] = (await oauth.processDiscoveryResponse(new URL(issuer), answer)).issuer;
}
const as = await oauth.processDiscoveryResponse(
  new URL(issuer), await oauth.discoveryRequest(new URL(issuer), { algorithm: "oauth2" }),
);
const described = await oauth.resourceDiscoveryRequest(new URL(resource));
const protectedResource = await oauth.processResourceDiscoveryResponse(new URL(resource), described);
found.resource = protectedResource.resource;

const registration = await oauth.dynamicClientRegistrationRequest(as, {
  redirect_uris: [redirect_uri],
  grant_types: ["authorization_code", "refresh_token"],
  token_endpoint_auth_method: "client_secret_basic",
  client_name: "oauth4webapi",
});
const client = await oauth.processDynamicClientRegistrationResponse(registration);
const authentication = oauth.ClientSecretBasic(client.client_secret);
const DPoP = oauth.DPoP(client, await oauth.generateKeyPair("ES256"));

const verifier = oauth.generateRandomCodeVerifier();
const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()];
const parameters = new URLSearchParams({
  client_id: client.client_id, redirect_uri, response_type: "code", scope: "openid mcp offline_access",
  resource: protectedResource.resource, state, nonce,
  code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: "S256",
});
const pushed = await oauth.processPushedAuthorizationResponse(
  as, client, await oauth.pushedAuthorizationRequest(as, client, authentication, parameters, { DPoP }),
);
const url = new URL(as.authorization_endpoint);
url.searchParams.set("client_id", client.client_id);
url.searchParams.set("request_uri", pushed.request_uri);

const callback = oauth.validateAuthResponse(as, client, await allow(url), state);
const tokens = await oauth.processAuthorizationCodeResponse(
  as, client,
  await oauth.authorizationCodeGrantRequest(as, client, authentication, callback, redirect_uri, verifier, { DPoP }),
  { expectedNonce: nonce, requireIdToken: true },
);
found.token_type = tokens.token_type;
found.claims = oauth.getValidatedIdTokenClaims(tokens);
const answer = await oauth.protectedResourceRequest(
  tokens.access_token, "GET", new URL(resource), undefined, null, { DPoP },
);
found.answer = await answer.json();
const refreshed = await oauth.processRefreshTokenResponse(
  as, client, await oauth.refreshTokenGrantRequest(as, client, authentication, tokens.refresh_token, { DPoP }),
);
found.rotated = refreshed.refresh_token !== tokens.refresh_token;

const refused = new URL(as.authorization_endpoint);
refused.search = new URLSearchParams([...parameters, ["prompt", "none"]]);
const silent = await fetch(refused, { redirect: "manual" });
try {
  oauth.validateAuthResponse(as, client, new URL(silent.headers.get("location")), state);
} catch (error) {
  found.refusal = error.error;
}
console.log(JSON.stringify(found));

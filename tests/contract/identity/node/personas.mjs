// One OpenID provider, four times: with the tokens of Okta, Entra ID, Auth0 and Keycloak.
// Prints {persona: {issuer, token}} as one line once all of them listen; ends when its input ends.
import { createServer } from 'node:http';
import { generateKeyPairSync } from 'node:crypto';
import { Provider } from 'oidc-provider';

const API = 'https://gateway.example';
const TENANT = '11111111-2222-3333-4444-555555555555';
const OBJECT = 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee';
const APP = 'bbbbbbbb-bbbb-cccc-dddd-eeeeeeeeeeee';
const USER_GRANT = 'urn:test:user';

const personas = {
  okta: {
    path: '/oauth2/default',
    payload: (p, user) => ({
      ver: 1, jti: `AT.${p.jti}`, iss: p.iss, aud: p.aud, iat: p.iat, exp: p.exp, cid: p.client_id,
      scp: (p.scope ?? '').split(' '), sub: user ? 'ada@acme.example' : p.client_id,
      ...(user && { uid: '00u1', groups: ['Everyone', 'gateway-admins'], auth_time: p.iat }),
    }),
    header: (h) => ({ kid: h.kid, alg: h.alg }),
  },
  entra: {
    path: `/${TENANT}/v2.0`,
    payload: (p, user, wide) => ({
      aud: APP, iss: p.iss, iat: p.iat, nbf: p.iat, exp: p.exp, azp: APP, azpacr: '1', oid: OBJECT, rh: '0.x', sub: 'pairwise',
      tid: TENANT, uti: p.jti, ver: '2.0',
      ...(user ? { scp: p.scope, preferred_username: 'ada@acme.example', name: 'Ada' } : { idtyp: 'app', roles: ['Llm.Use'] }),
      ...(wide && { _claim_names: { groups: 'src1' }, _claim_sources: { src1: { endpoint: 'https://graph.windows.net/x' } } }),
    }),
    header: (h) => ({ typ: 'JWT', alg: h.alg, x5t: h.kid, kid: h.kid }),
  },
  auth0: {
    path: '/',
    payload: (p, user) => ({
      iss: p.iss, sub: user ? 'auth0|ada' : `${p.client_id}@clients`, aud: [p.aud, `${p.iss}userinfo`], iat: p.iat, exp: p.exp,
      azp: p.client_id, scope: p.scope, permissions: ['use:llm'],
      ...(user ? { 'https://acme.example/groups': ['eng'] } : { gty: 'client-credentials' }),
    }),
    header: (h) => ({ alg: h.alg, typ: 'JWT', kid: h.kid }),
  },
  keycloak: {
    path: '/realms/acme',
    payload: (p, user) => ({
      exp: p.exp, iat: p.iat, jti: p.jti, iss: p.iss, aud: [p.aud, 'account'], sub: user ? 'f3-ada' : 'f3-service', typ: 'Bearer',
      azp: p.client_id, sid: 's', acr: '1', scope: p.scope, realm_access: { roles: ['dev'] },
      resource_access: { account: { roles: ['manage-account'] } },
      ...(user
        ? { preferred_username: 'ada', groups: ['/eng/backend'] }
        : { preferred_username: `service-account-${p.client_id}`, clientHost: '127.0.0.1', client_id: p.client_id }),
    }),
    header: (h) => ({ alg: h.alg, typ: 'JWT', kid: h.kid }),
  },
};

function configuration(name, persona) {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return {
    jwks: { keys: [{ ...privateKey.export({ format: 'jwk' }), kid: `${name}-1`, use: 'sig', alg: 'RS256' }] },
    cookies: { keys: ['k'] },
    clients: [{
      client_id: 'ci', client_secret: 'secret', grant_types: ['client_credentials', USER_GRANT], redirect_uris: [], response_types: [],
      token_endpoint_auth_method: 'client_secret_post',
    }],
    scopes: ['openid', 'llm', 'mcp', 'wide'],
    findAccount: (ctx, id) => ({ accountId: id, claims: () => ({ sub: id }) }),
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => API,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({ audience: API, scope: 'llm mcp wide', accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } } }),
      },
    },
    formats: {
      customizers: {
        jwt(ctx, token, jwt) {
          const user = token.kind === 'AccessToken';
          jwt.payload = persona.payload(jwt.payload, user, (jwt.payload.scope ?? '').includes('wide'));
          jwt.header = persona.header({ alg: 'RS256', kid: `${name}-1` });
        },
      },
    },
  };
}

async function userGrant(ctx) {
  const { AccessToken, Grant, IdToken, ResourceServer } = ctx.oidc.provider;
  const grant = new Grant({ accountId: 'ada', clientId: ctx.oidc.client.clientId });
  const scope = ctx.oidc.params.scope ?? 'llm';
  grant.addResourceScope(API, scope);
  const grantId = await grant.save();
  const token = new AccessToken({ accountId: 'ada', client: ctx.oidc.client, grantId, gty: USER_GRANT, scope });
  token.resourceServer = new ResourceServer(API, {
    audience: API, scope: 'llm mcp wide', accessTokenFormat: 'jwt', jwt: { sign: { alg: 'RS256' } },
  });
  const id = new IdToken({ sub: 'ada' }, { ctx });
  id.set('nonce', 'n');
  ctx.body = { access_token: await token.save(), id_token: await id.issue({ use: 'idtoken' }), token_type: 'Bearer' };
}

function graph(req, res) {
  const answers = {
    [`/${TENANT}/oauth2/v2.0/token`]: { access_token: 'graph', expires_in: 3600 },
    [`/v1.0/users/${OBJECT}/getMemberObjects`]: { value: Array.from({ length: 250 }, (_, n) => `group-${n}`) },
  };
  const answer = answers[req.url];
  const isAllowed = !req.url.startsWith('/v1.0') || req.headers.authorization === 'Bearer graph';
  res.writeHead(answer && isAllowed ? 200 : 404, { 'content-type': 'application/json' });
  res.end(JSON.stringify(answer ?? {}));
}

const told = {};
for (const [name, persona] of Object.entries(personas)) {
  let handler;
  const prefix = persona.path === '/' ? '' : persona.path;
  const server = createServer((req, res) => {
    if (!req.url.startsWith(`${prefix}/`)) return graph(req, res);
    req.originalUrl = req.url;
    req.url = req.url.slice(prefix.length);
    return handler(req, res);
  });
  await new Promise((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const issuer = `http://127.0.0.1:${server.address().port}${persona.path}`;
  const provider = new Provider(issuer, configuration(name, persona));
  provider.registerGrantType(USER_GRANT, userGrant, ['scope']);
  provider.on('server_error', (ctx, error) => console.error(error));
  handler = provider.callback();
  told[name] = { issuer, token: `${issuer.replace(/\/$/, '')}/token` };
}
console.log(JSON.stringify(told));
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));

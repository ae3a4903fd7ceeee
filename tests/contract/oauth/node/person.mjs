// Somebody with a browser who has signed in and agrees.
export async function allow(authorizationUrl) {
  const cookie = { cookie: "user=ada" };
  let page = await fetch(authorizationUrl, { headers: cookie, redirect: "manual" });
  if (page.status === 200) {
    const fields = [...(await page.text()).matchAll(/<input name="(\w+)" value="([^"]*)">/g)];
    const body = new URLSearchParams(fields.map(([, name, value]) => [name, value]));
    body.set("decision", "allow");
    page = await fetch(new URL("/consent", authorizationUrl), {
      method: "POST", headers: cookie, redirect: "manual", body,
    });
  }
  if (page.status !== 303) throw new Error(`the browser got ${page.status}: ${await page.text()}`);
  return new URL(page.headers.get("location"));
}

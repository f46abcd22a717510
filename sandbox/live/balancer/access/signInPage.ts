const ESCAPES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const escaped = (text: string): string => text.replaceAll(/[&<>"]/g, (letter) => ESCAPES[letter] ?? letter);

/** Returns a page that replaces the team's Access sign-in and its identity provider, which do not exist locally. */
export function signInPage(hostname: string, target: string): string {
  return `<!doctype html>
<html lang="en">
<title>Sign in to ${escaped(hostname)}</title>
<h1>Sign in to ${escaped(hostname)}</h1>
<p>This page emulates the sign-in of Cloudflare Access. It accepts any e-mail address.</p>
<form action="/cdn-cgi/access/authorized">
  <input type="hidden" name="redirect_url" value="${escaped(target)}">
  <label>E-mail address <input name="email" type="email" required autofocus></label>
  <button>Sign in</button>
</form>
</html>
`;
}

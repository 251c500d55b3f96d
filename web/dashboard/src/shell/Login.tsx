/** Asks for a token where the gateway wants one: pasted, or by name and password where the development login is on. */
import { useEffect, useRef, useState } from "react";
import { login, useSession } from "../session.ts";

export function Login() {
  const { asks } = useSession();
  const dialog = useRef<HTMLDialogElement>(null);
  const [token, setToken] = useState("");
  const [development, setDevelopment] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);

  useEffect(() => {
    if (asks === null) return dialog.current?.close();
    dialog.current?.showModal();
    void fetch("/api/about").then(async (answer) => answer.ok && setDevelopment(Boolean(((await answer.json()) as { login?: boolean }).login)), () => {});
  }, [asks]);

  const byName = async (form: HTMLFormElement) => {
    const given = new FormData(form);
    const body = JSON.stringify({ username: given.get("username"), password: given.get("password") });
    try {
      const answer = await fetch("/login", { method: "POST", headers: { "Content-Type": "application/json" }, body });
      const said = (await answer.json()) as { token?: string; message?: string };
      if (said.token) login(said.token);
      else setProblem(said.message ?? "Not accepted");
    } catch {
      setProblem("The gateway does not answer");
    }
  };
  return (
    <dialog ref={dialog} className="login" aria-labelledby="login-title" onCancel={(event) => event.preventDefault()}>
      <h2 id="login-title">Log in</h2>
      <p>{asks} Paste one: <code>tapeflow token NAME</code> makes it.</p>
      <form onSubmit={(event) => { event.preventDefault(); if (token.trim()) login(token.trim()); }}>
        <label>Token<textarea rows={4} value={token} spellCheck={false} autoComplete="off" onChange={(event) => setToken(event.target.value)} /></label>
        <button className="primary" disabled={!token.trim()}>Use this token</button>
      </form>
      {development && (
        <form onSubmit={(event) => { event.preventDefault(); void byName(event.currentTarget); }}>
          <p className="warning">▲ The development login is on: not for others than you.</p>
          <label>Name<input name="username" autoComplete="username" /></label>
          <label>Password<input name="password" type="password" autoComplete="current-password" /></label>
          <button>Log in</button>
        </form>
      )}
      {problem && <p className="problem" role="alert">{problem}</p>}
    </dialog>
  );
}

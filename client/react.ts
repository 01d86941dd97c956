/**
 * The session in React 18 and 19. The hooks read what the client knows: none of them sends a request, starts a
 * timer or listens to the window.
 *
 * @module
 */
import {
  createContext,
  createElement,
  Fragment,
  type ReactElement,
  type ReactNode,
  useContext,
  useSyncExternalStore,
} from "react";
import type { User } from "@watchword/shared/contract";
import type { SessionState } from "./session_state.ts";

/** What the hooks need. The clients of `createAuthClient` and of `createServerAuth` have it. */
export interface SessionSource {
  readonly state: SessionState;
  /** What a server rendered for this client: the state that it was built with. @default booting */
  readonly initialState?: SessionState;
  subscribe(changed: () => void): () => void;
}

const booting: SessionState = { status: "booting" };
const AuthContext = createContext<SessionSource | null>(null);

/** Gives a client to the components below. On a server: the client of this one request. */
export function AuthProvider(
  { auth, children }: { auth: SessionSource; children?: ReactNode },
): ReactElement {
  return createElement(AuthContext.Provider, { value: auth }, children);
}

/**
 * The client that the nearest {@link AuthProvider} was given. Name its type: `useAuthClient<typeof auth>()`.
 *
 * @throws Error outside of an `AuthProvider`
 */
export function useAuthClient<Client extends SessionSource = SessionSource>(): Client {
  const auth = useContext(AuthContext);
  if (auth === null) throw new Error("There is no AuthProvider above this component");
  return auth as Client;
}

/** The session; renders again with every change of it, a refresh included. */
export function useSession(): SessionState;
/**
 * A part of the session; renders again only when that part changes.
 *
 * @param select picks a value out of the state; one that it makes anew at each call would never settle
 */
export function useSession<Part>(select: (state: SessionState) => Part): Part;
export function useSession<Part>(select?: (state: SessionState) => Part): SessionState | Part {
  const auth = useAuthClient();
  const read = (state: SessionState) => select ? select(state) : state;
  return useSyncExternalStore(
    auth.subscribe,
    () => read(auth.state),
    () => read(auth.initialState ?? booting),
  );
}

const selectUser = (state: SessionState) => state.status === "authenticated" ? state.user : null;
const selectStatus = (state: SessionState) => state.status;

/** Who is signed in, or null. A refresh does not render again what reads only this. */
export function useUser(): User | null {
  return useSession(selectUser);
}

/**
 * Shows its children to whoever is signed in. Another user gets them anew, with none of the former one's state.
 * It guards what is seen; what is done is guarded by the server.
 */
export function SignedIn({ children, fallback, pending }: {
  children?: ReactNode;
  /** For nobody: a sign-in form. */
  fallback?: ReactNode;
  /** While it is not known yet. */
  pending?: ReactNode;
}): ReactElement {
  const status = useSession(selectStatus);
  const user = useUser();
  if (user !== null) return createElement(Fragment, { key: user.id }, children);
  return createElement(Fragment, null, status === "booting" ? pending : fallback);
}

/** One step of a tutorial beside its counterpart. */
export interface TutorialStep {
  /** The tutorial's own heading. */
  title: string;
  theirs: string;
  theirAnswer?: string;
  /** Shell commands that are shown and run one after the other; `ORIGIN` stands for where the service is. */
  ours: { command: string; answer: string }[] | string;
  note?: string;
}

/** A tutorial, its steps in its own order. */
export interface Tutorial {
  title: string;
  steps: TutorialStep[];
}

const post = (path: string, body: string) =>
  `curl -X POST ORIGIN/v1/${path} \\\n  -H "Content-Type: application/json" \\\n  -d '${body}'`;
const asBearer = (method: string, path: string) =>
  `curl -X ${method} ORIGIN/v1/${path} \\\n  -H "Authorization: Bearer your_access_token"`;
const flaskPost = (path: string, body: string) =>
  `curl -X POST -H "Content-Type: application/json" \\\n  -d '${body}' \\\n  http://localhost:5000/${path}`;
const flaskBearer = (method: string, path: string, token = "your_access_token") =>
  `curl -X ${method} -H "Authorization: Bearer ${token}" \\\n  http://localhost:5000/${path}`;

const signedIn =
  '{"status":"signed_in","user":{…},\n "tokens":{"tokenType":"Bearer","accessToken":"…",…,"refreshToken":"…",…}}';
const tokens = '{"tokenType":"Bearer","accessToken":"…",…,\n "refreshToken":"…",…,"generation":1,…}';
const start = "deno task dev";

const steps: Tutorial = {
  title: "What are the steps to implement JWT authentication in a Flask web application?",
  steps: [
    {
      title: "Installing Required Libraries",
      theirs: "pip install flask\npip install flask-jwt-extended",
      ours: start,
      note: "It installs what it needs, starts a PostgreSQL of its own, and serves.",
    },
    {
      title: "Setting Up the Flask Application",
      theirs: "app = Flask(__name__)\njwt = JWTManager(app)",
      ours:
        "const auth = await createAuth({ databaseUrl, issuer, keyEncryptionSecret });\nDeno.serve(auth.handler(appRouter));",
      note: "Only for an app of your own. The service has done it.",
    },
    {
      title: "Configuring Secret Key and JWT Access Token",
      theirs:
        "app.config['JWT_SECRET_KEY'] = 'your-secret-key'\napp.config['JWT_ACCESS_TOKEN_EXPIRES'] = False",
      ours: "KEY_ENCRYPTION_SECRET=…at least 32 characters…\nACCESS_TOKEN_TTL_SECONDS=600",
      note:
        "Tokens are signed with key pairs that rotate; the secret protects them. No token lives for ever.",
    },
    {
      title: "Creating Routes for User Registration",
      theirs: flaskPost("register", '{"username":"grace","password":"correct horse battery"}'),
      ours: [{
        command: post("register", '{"username":"grace","password":"correct horse battery"}'),
        answer: `201 ${signedIn}`,
      }],
      note: "Registering signs in. A name that exists is 409 `IDENTIFIER_TAKEN` and not overwritten.",
    },
    {
      title: "… and Login",
      theirs: flaskPost("login", '{"username":"grace","password":"correct horse battery"}'),
      theirAnswer: '200 {"access_token":"…"}',
      ours: [{
        command: post("login", '{"identifier":"grace","password":"correct horse battery"}'),
        answer: `200 ${signedIn}`,
      }],
      note: "`identifier` is the username or the e-mail address.",
    },
    {
      title: "Protecting Routes with JWT",
      theirs: flaskBearer("GET", "protected"),
      theirAnswer: '200 {"logged_in_as":"grace"}',
      ours: [{
        command: asBearer("GET", "me"),
        answer: '200 {"user":{…,"username":"grace",…},"session":{…},"claims":{}}',
      }],
      note: "A route of your own is a `protectedProcedure`, and knows its caller as `ctx.auth.userId`.",
    },
    {
      title: "Handling JWT Expiration",
      theirs: "app.config['JWT_ACCESS_TOKEN_EXPIRES'] = 1800",
      ours: "ACCESS_TOKEN_TTL_SECONDS=1800",
    },
    {
      title: "… and Refresh Tokens: create_refresh_token upon login",
      theirs: flaskPost("login", '{"username":"grace","password":"correct horse battery"}'),
      theirAnswer: '200 {"access_token":"…","refresh_token":"…"}',
      ours: [{
        command: post("login", '{"identifier":"grace","password":"correct horse battery"}'),
        answer: `200 ${signedIn}`,
      }],
      note: "Every sign-in has both tokens; the refresh token is no JWT.",
    },
    {
      title: "… a protected route for token refreshes",
      theirs: flaskBearer("POST", "token/refresh", "your_refresh_token"),
      theirAnswer: '200 {"access_token":"…"}',
      ours: [{
        command: post("token/refresh", '{"refreshToken":"your_refresh_token"}'),
        answer: `200 ${tokens}`,
      }],
      note: "It travels in the body, works once, and comes back renewed: keep the new one.",
    },
  ],
};

const explanation: Tutorial = {
  title: "flask jwt_extended explanation",
  steps: [
    { title: "1. Install the necessary packages", theirs: "pip install flask-jwt-extended", ours: start },
    {
      title: "2–3. Import the modules, initialize the JWT manager",
      theirs: "app.config['JWT_SECRET_KEY'] = 'your-secret-key'\njwt = JWTManager(app)",
      ours: "KEY_ENCRYPTION_SECRET=…at least 32 characters…",
      note: "In development it is made for you.",
    },
    {
      title: "4. Create a route for handling user login",
      theirs: flaskPost("login", '{"email":"test@example.com","password":"password"}'),
      theirAnswer: '200 {"access_token":"…"}',
      ours: [
        {
          command: post("register", '{"email":"test@example.com","password":"correct horse battery"}'),
          answer: `201 ${signedIn}`,
        },
        {
          command: post("login", '{"identifier":"test@example.com","password":"correct horse battery"}'),
          answer: `200 ${signedIn}`,
        },
      ],
      note:
        "The tutorial's one user is in its code; here they register first, and `password` is refused as `PASSWORD_COMMON`.",
    },
    {
      title: "4. Bad email or password",
      theirs: flaskPost("login", '{"email":"test@example.com","password":"wrong"}'),
      theirAnswer: '401 {"msg":"Bad email or password"}',
      ours: [{
        command: post("login", '{"identifier":"test@example.com","password":"wrong"}'),
        answer: '401 {…,"status":401,"reason":"INVALID_CREDENTIALS",…}',
      }],
    },
    {
      title: "4. Missing JSON in request",
      theirs: "curl -X POST http://localhost:5000/login",
      theirAnswer: '400 {"msg":"Missing JSON in request"}',
      ours: [{ command: "curl -X POST ORIGIN/v1/login", answer: '400 {…,"reason":"INPUT_INVALID",…}' }],
      note: "A body of another type is 415 `BODY_TYPE`.",
    },
    {
      title:
        "5–6. Decorate the routes that require authentication; send the JWT in the “Authorization” header",
      theirs: flaskBearer("GET", "protected-route"),
      theirAnswer: '200 {"logged_in_as":"test@example.com"}',
      ours: [{
        command: asBearer("GET", "me"),
        answer: '200 {"user":{…,"email":"test@example.com",…},"session":{…},"claims":{}}',
      }],
    },
    {
      title: "7. A route for refreshing tokens",
      theirs: flaskBearer("POST", "refresh", "your_refresh_token"),
      theirAnswer: '200 {"access_token":"…"}',
      ours: [{
        command: post("token/refresh", '{"refreshToken":"your_refresh_token"}'),
        answer: `200 ${tokens}`,
      }],
      note: "Freshness is another thing here: `POST /v1/step-up` proves again who the caller is.",
    },
    {
      title: "8. Handle token expiration",
      theirs: "curl -X POST http://localhost:5000/expired",
      theirAnswer: '401 {"msg":"The token has expired"}',
      ours: '401 {…,"reason":"TOKEN_EXPIRED",…}',
      note:
        "No route of its own: every protected route answers so to an expired token. Refresh, then send once more.",
    },
  ],
};

const blacklist: Tutorial = {
  title: "JWT authentication in Flask, with logout",
  steps: [
    {
      title: "Begin by installing the necessary packages",
      theirs: "pip install Flask Flask-JWT-Extended passlib",
      ours: start,
    },
    {
      title: "Initialize your Flask app and configure it to use JWT",
      theirs: "app.config['JWT_SECRET_KEY'] = 'your_secret_key'\njwt = JWTManager(app)",
      ours: "KEY_ENCRYPTION_SECRET=…at least 32 characters…",
      note: "In development it is made for you.",
    },
    {
      title: "Finally, run your Flask app",
      theirs: "app.run(debug=True)",
      ours: "deno task start",
      note: "In production; `deno task dev` serves already.",
    },
    {
      title: "1. User Registration",
      theirs: flaskPost("register", '{"username":"your_username", "password":"your_password"}'),
      theirAnswer: '201 {"message":"User registered successfully"}',
      ours: [{
        command: post("register", '{"username":"your_username", "password":"your_password"}'),
        answer: `201 ${signedIn}`,
      }],
      note: "Hashed with Argon2id.",
    },
    {
      title: "2. User Login",
      theirs: flaskPost("login", '{"username":"your_username", "password":"your_password"}'),
      theirAnswer: '200 {"access_token":"…"}',
      ours: [{
        command: post("login", '{"identifier":"your_username", "password":"your_password"}'),
        answer: `200 ${signedIn}`,
      }],
    },
    {
      title: "3. User Logout",
      theirs: flaskBearer("POST", "logout"),
      theirAnswer: '200 {"message":"User logged out successfully"}',
      ours: [{ command: asBearer("POST", "logout"), answer: '200 {"ok":true}' }],
      note:
        "It ends the refresh token too, on every instance, and survives a restart; the tutorial's set of blacklisted tokens does neither.",
    },
    {
      title: "4. Access Protected Route",
      theirs: flaskBearer("GET", "protected"),
      theirAnswer: '401 {"message":"Token has been revoked"}',
      ours: [{ command: asBearer("GET", "me"), answer: '401 {…,"reason":"SESSION_REVOKED",…}' }],
      note:
        "In the tutorial's order the token has just been revoked. Before the logout it is 200 with the caller.",
    },
  ],
};

/** The three tutorials. */
export const tutorials: readonly Tutorial[] = [steps, explanation, blacklist];

/** Where the two differ: what, in the tutorials, here. */
export const differences: readonly {
  of: string;
  rows: readonly [what: string, theirs: string, ours: string][];
}[] = [
  {
    of: "Register",
    rows: [
      ["method and URL", "`POST /register`", "`POST /v1/register`"],
      ["fields sent", "`username`, `password`", "`username` or `email`, or both; `password`"],
      ["answer", "`message`", "`status`, `user`, `tokens`: registering signs in"],
    ],
  },
  {
    of: "Login",
    rows: [
      ["method and URL", "`POST /login`", "`POST /v1/login`"],
      ["fields sent", "`username` or `email`; `password`", "`identifier`, `password`"],
      [
        "answer",
        "`access_token`, `refresh_token`",
        "`tokens.accessToken`, `tokens.refreshToken`, beside `status` and `user`",
      ],
      ["refusal", "401 with `msg` or `message`", "401 with `reason`: `INVALID_CREDENTIALS`"],
    ],
  },
  {
    of: "Protected route",
    rows: [
      ["method and URL", "`GET /protected`, `GET /protected-route`", "`GET /v1/me`"],
      ["access token", "`Authorization: Bearer …`", "the same; the scheme in any case"],
      ["answer", "`logged_in_as`", "`user`, `session`, `claims`"],
    ],
  },
  {
    of: "Refresh",
    rows: [
      ["method and URL", "`POST /token/refresh`, `POST /refresh`", "`POST /v1/token/refresh`"],
      [
        "place of the refresh token",
        "`Authorization: Bearer …`",
        "`refreshToken` in the body; in cookie mode a cookie",
      ],
      ["answer", "`access_token`", "`accessToken` and a new `refreshToken`; the old one is used up"],
    ],
  },
  {
    of: "Logout",
    rows: [
      ["method and URL", "`POST /logout`", "`POST /v1/logout`"],
      ["token", "`Authorization: Bearer …`", "the same, or `refreshToken` in the body"],
      ["fields sent", "none", "none, or `scope`: `this`, `others`, `all`"],
      ["answer", "`message`", "`ok`"],
    ],
  },
  {
    of: "Expired token",
    rows: [
      ["method and URL", "`POST /expired`", "none: every protected route answers so"],
      ["answer", "401 with `msg`", "401 with `reason`: `TOKEN_EXPIRED`"],
    ],
  },
];

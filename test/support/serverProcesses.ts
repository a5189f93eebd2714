/**
 * The processes of a server: found, signalled and waited for, and looked after when whoever started them is killed.
 *
 * The ids of processes are given away again: none is signalled here that may have become another one's.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process"
import { readdir, readFile } from "node:fs/promises"
import { promisify } from "node:util"
import { Effect, Schedule, type Scope } from "effect"
import { attempt, ServerError } from "./serverError.ts"

const run = promisify(execFile)

/** Up to twenty seconds. */
export const bounded = { schedule: Schedule.spaced("20 millis"), times: 1_000 }

/** Every process with its parent, but for those that have ended and were not yet seen to. */
const living = async (): Promise<ReadonlyMap<number, number>> => {
  const found = new Map<number, number>()
  if (process.platform !== "linux") {
    for (const line of (await run("ps", ["-A", "-o", "pid=,ppid=,state="])).stdout.split("\n")) {
      const [pid, parent, state = "Z"] = line.trim().split(/\s+/)
      if (!state.startsWith("Z")) found.set(Number(pid), Number(parent))
    }
    return found
  }
  for (const pid of await readdir("/proc")) {
    if (!/^\d+$/.test(pid)) continue
    const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "")
    const [state, parent] = stat.slice(stat.lastIndexOf(")") + 2).split(" ")
    if (stat !== "" && state !== "Z" && state !== "X") found.set(Number(pid), Number(parent))
  }
  return found
}

export const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null

/** A postmaster and its children, as far as they live. */
export const family = (postmaster: ChildProcess): Effect.Effect<ReadonlyArray<number>, ServerError> =>
  attempt("the processes of the server", async () => {
    const all = await living()
    const { pid } = postmaster
    if (pid === undefined || hasEnded(postmaster) || !all.has(pid)) return []
    return [pid, ...[...all].filter(([, parent]) => parent === pid).map(([child]) => child)]
  })

/** Freezes a postmaster, and gives its family: it starts no more children, and does not see to those that end, so that they keep their ids. */
export const freeze = (postmaster: ChildProcess): Effect.Effect<ReadonlyArray<number>, ServerError> =>
  Effect.andThen(
    Effect.sync(() => postmaster.kill("SIGSTOP")),
    family(postmaster)
  )

/** Signals the family of a postmaster that is frozen, itself last. */
export const signal = (postmaster: ChildProcess, frozen: ReadonlyArray<number>, name: NodeJS.Signals): void => {
  if (hasEnded(postmaster)) return
  for (const pid of frozen) {
    try {
      if (pid !== postmaster.pid) process.kill(pid, name)
    } catch {
      // It has ended by itself.
    }
  }
  postmaster.kill(name)
}

/** Waits until processes are gone. */
export const gone = (pids: ReadonlyArray<number>): Effect.Effect<void, ServerError> =>
  attempt("the list of processes", living).pipe(
    Effect.map((all) => pids.filter((pid) => all.has(pid))),
    Effect.repeat({ ...bounded, while: (left) => left.length > 0 }),
    Effect.flatMap((left) =>
      left.length === 0 ? Effect.void : Effect.fail(new ServerError({ problem: `still running: ${left.join(", ")}` }))
    )
  )

/**
 * Cleans up when this process is killed before its scopes are closed: the end of its input tells. It knows the postmaster by the file that
 * PostgreSQL itself writes, and by the folder that it was told to run in, for the file stays when it is killed. It cleans up nothing else.
 */
const janitor = `
while read -r _; do :; done
pid=$(head -n 1 "$1/data/postmaster.pid" 2> /dev/null)
case "$pid" in
  "" | *[!0-9]*) pid="" ;;
  *) { tr '\\000' ' ' < "/proc/$pid/cmdline" || ps -o args= -p "$pid"; } 2> /dev/null | grep -qF -- " -D $1/data " || pid="" ;;
esac
if [ -n "$pid" ]; then
  kill -STOP "$pid"
  pids="$pid"
  for status in /proc/[0-9]*/status; do
    if grep -q "^PPid:[[:space:]]*$pid$" "$status" 2> /dev/null; then child=\${status#/proc/}; pids="$pids \${child%/status}"; fi
  done
  kill -9 $pids
fi
for turn in 1 2 3 4 5 6 7 8 9; do rm -rf "$1" 2> /dev/null && exit; done
`

/** Has a folder and the server in it looked after for as long as the scope. */
export const watch = (path: string): Effect.Effect<void, never, Scope.Scope> =>
  Effect.asVoid(
    Effect.acquireRelease(
      Effect.sync(() => {
        const child = spawn("sh", ["-c", janitor, "sh", path], { detached: true, stdio: ["pipe", "ignore", "ignore"] })
        child.unref()
        // Its input is held open, and nothing is ever said.
        child.stdin.on("error", () => {})
        return child
      }),
      (child) => Effect.sync(() => child.kill("SIGKILL"))
    )
  )

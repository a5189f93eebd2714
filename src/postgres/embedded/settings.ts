/**
 * The settings of a session (SET, set_config), so that each logical connection has its own: read after it changed them, put
 * back before it has its next turn after another one's.
 */
import { bodyOf, type Frame, query } from "./frames.ts"

/** Reads what is set in the session, as a JSON object; nothing when nothing is. */
export const readSettings: Buffer = query(
  `SELECT json_object_agg(name, setting)::text FROM (
    SELECT name, setting FROM pg_settings WHERE source = 'session'
    UNION ALL SELECT 'role', current_setting('role') WHERE current_setting('role') <> 'none'
  ) AS settings`
)

/** Reads the answer to it. */
export const settingsIn = (answer: ReadonlyArray<Frame>): string => {
  const row = answer.find(({ tag }) => tag === "D")
  if (row === undefined) return ""
  const body = bodyOf(row)
  const size = body.readInt32BE(2)
  return size < 0 ? "" : body.toString("utf8", 6, 6 + size)
}

/** Puts back what was read. */
export const writeSettings = (settings: string): Buffer =>
  query(
    settings === ""
      ? "RESET ALL; RESET ROLE"
      : `RESET ALL; RESET ROLE;
         SELECT set_config(key, value, false) FROM json_each_text('${settings.replaceAll("'", "''")}')`
  )

const commands = ["SET\0", "RESET\0"]

/** Whether an answer tells that settings were changed. */
export const tellsOfSettings = ({ tag, bytes }: Frame): boolean =>
  tag === "C" && bytes.length <= 11 && commands.includes(bytes.toString("latin1", 5))

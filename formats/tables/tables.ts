import { DEFAULT_PROJECT } from "../flows/defaultProject";
import type { RowCondition } from "./rowCondition";
import type { Reference, RegionalColumn, RegionalTable, ReplicatedTable, TableRule, UniqueIndex } from "./tableRule";

/** The rule of a table. Properties that most of LangFlow's tables share may be omitted. */
type Declared = Pick<ReplicatedTable, "table" | "columns" | "deletes" | "reason"> &
  Partial<Omit<ReplicatedTable, "uniqueIndexes">> & {
    readonly uniqueIndexes?: readonly (Pick<UniqueIndex, "on"> & Partial<UniqueIndex>)[];
  };

const OWNED_BY_USER: Reference = { to: "user", missing: "waits", dead: "dies" };
const WRITTEN_BY_USER: Reference = { to: "user", missing: "null", dead: "null" };
/** Returns a child's reference to its parent. The child waits for the parent, and is deleted with it. */
const partOf = (table: string): Reference => ({ to: table, missing: "waits", dead: "dies" });

/** The run of a checkpoint or an event. */
const OF_RUN: Reference = { to: "job", soft: true, missing: "stays", dead: "stays" };

/** The resource that a share or an access exception is about. */
const ABOUT_RESOURCE: Reference = {
  to: {
    by: "resource_type",
    tables: {
      flow: "flow",
      deployment: "deployment",
      project: "folder",
      knowledge_base: "knowledge_base",
      variable: "variable",
      file: "file",
      connection: "connection",
    },
  },
  soft: true,
  missing: "stays",
  dead: "dies",
};

/**
 * Condition that no row satisfies: users or teams of the same name may be different users or teams, so they are not
 * merged.
 */
const NONE: RowCondition = { any: [] };

/** LangFlow updates this time at each write, even if the write changes no replicated column. */
const TOUCHED: RegionalColumn = { onInsert: "now()", why: "also changed by writes that are not replicated" };
const NOT_HERE = (why: string): RegionalColumn => ({ onInsert: "NULL", why });

/**
 * A variable that LangFlow's assistant creates empty (`initialize_agentic_global_variables`). LangFlow 1.13 creates it
 * again at each start, for every user, because it overlooks existing empty ones.
 */
const PLACEHOLDER_VARIABLE: RowCondition = {
  all: [
    { column: "name", oneOf: ["FLOW_ID", "COMPONENT_ID", "FIELD_NAME"] },
    { column: "type", oneOf: ["Generic"] },
    { column: "value", oneOf: [""] },
    { column: "updated_at", oneOf: [null] },
  ],
};

const ACCOUNTS: readonly Declared[] = [
  {
    table: "user",
    naturalKey: { on: [{ lower: "username" }], nulls: "none", values: "first", unites: NONE, passing: true },
    columns: [
      "id",
      "username",
      "password",
      "profile_image",
      "is_active",
      "is_superuser",
      "create_at",
      "retired_at",
      "store_api_key",
      "optins",
    ],
    regionalColumns: {
      updated_at: { onInsert: "now()", why: "each sign-in writes it" },
      // Not null: at each start, LangFlow retires a superuser called `langflow` that never signed in, with all its
      // flows.
      last_login_at: { onInsert: "now()", why: "each sign-in writes it" },
    },
    uniqueIndexes: [{ on: ["username"] }, { on: [{ lower: "username" }] }, { on: ["id"] }],
    ciphertext: { store_api_key: { form: "token" } },
    deletes: "untilMadeAgain",
    disabling: { is_active: [false], is_superuser: [false], retired_at: "set" },
    madeAt: "create_at",
    reason:
      "Contains the password hash. If regions edit a user concurrently, deactivation, retirement and loss of superuser rights win. The superuser is re-created under the same id. Two users with one SSO subject merge.",
  },
  {
    table: "apikey",
    columns: ["id", "name", "is_active", "expires_at", "created_at", "api_key", "api_key_hash", "user_id"],
    regionalColumns: {
      last_used_at: NOT_HERE("each use writes it"),
      total_uses: { onInsert: "0", why: "a counter of uses in this region" },
    },
    references: { user_id: OWNED_BY_USER },
    uniqueIndexes: [{ on: ["api_key"], meeting: "held" }, { on: ["id"] }],
    ciphertext: { api_key: { form: "token" } },
    deletes: "final",
    disabling: { is_active: [false] },
    reason: "Contains the key as ciphertext and hash. Revoking a key deletes its row.",
  },
  {
    table: "variable",
    naturalKey: { on: ["user_id", "name"], nulls: "none", values: "later" },
    columns: [
      "id",
      "name",
      "value",
      "type",
      "created_at",
      "updated_at",
      "is_environment_managed",
      "default_fields",
      "user_id",
    ],
    references: { user_id: OWNED_BY_USER },
    uniqueIndexes: [],
    only: {
      not: {
        any: [
          { column: "is_environment_managed", oneOf: [true] },
          { column: "name", oneOf: ["LANGFLOW_DR_SYNC"] },
          PLACEHOLDER_VARIABLE,
        ],
      },
    },
    // The type determines whether the value is ciphertext. Merged separately, a secret could end up in plain text, or a
    // plain text could be decrypted.
    together: [["type", "value", "is_environment_managed"]],
    ciphertext: { value: { form: "token", where: { column: "type", oneOf: ["Credential"] } } },
    deletes: "later",
    reason:
      "Contains the value as ciphertext. A variable that LangFlow created itself, from its environment or as an empty placeholder for its assistant, stays regional, and yields to a variable that the user created.",
  },
  {
    table: "folder",
    naturalKey: { on: ["user_id", "name"], nulls: "none", values: "first", passing: true },
    columns: ["id", "name", "description", "auth_settings", "parent_id", "user_id", "workspace_id", "is_personal"],
    references: { parent_id: { to: "folder", missing: "null", dead: "null" }, user_id: OWNED_BY_USER },
    only: { not: { column: "user_id", oneOf: [null] } },
    ciphertext: { auth_settings: { form: "authSettings" } },
    deletes: "later",
    reason:
      "A project has the same id in every region, and therefore the same URL and MCP address. The folder of starter flows stays regional.",
  },
  {
    table: "mcp_server",
    naturalKey: { on: ["user_id", "name"], nulls: "none", values: "first" },
    columns: ["id", "user_id", "name", "transport", "config", "enabled", "version", "created_at", "updated_at"],
    references: { user_id: OWNED_BY_USER },
    together: [["transport", "config", "version"]],
    ciphertext: { config: { form: "mcpConfig" } },
    deletes: "later",
    reason:
      "Contains secrets as ciphertext. LangFlow creates one `lf-…` server per project: if several regions create it, the first one stays.",
  },
  {
    table: "file",
    naturalKey: { on: ["user_id", "path"], nulls: "none", values: "later" },
    columns: ["id", "user_id", "name", "path", "size", "provider", "created_at", "updated_at"],
    references: { user_id: OWNED_BY_USER },
    uniqueIndexes: [{ on: ["name", "user_id"], meeting: { name: "name" } }],
    together: [["path", "size", "provider"]],
    deletes: "final",
    reason:
      "S3 replicates the contents of the files. Uploads under one path merge. If two files have the same name, the later one is renamed.",
  },
  {
    table: "message",
    columns: [
      "id",
      "timestamp",
      "sender",
      "sender_name",
      "session_id",
      "text",
      "flow_id",
      "files",
      "error",
      "edit",
      "properties",
      "category",
      "content_blocks",
      "context_id",
      "session_metadata",
      "run_id",
      "is_output",
      "user_id",
    ],
    references: {
      flow_id: { to: "flow", soft: true, missing: "stays", dead: "stays" },
      run_id: { to: "job", soft: true, missing: "stays", dead: "stays" },
      user_id: { to: "user", soft: true, missing: "stays", dead: "dies" },
    },
    deletes: "final",
    madeAt: "timestamp",
    reason: "The chat of a deleted flow stays deleted, even if the flow is restored.",
  },
];

const CONNECTIONS: readonly Declared[] = [
  {
    table: "connection",
    naturalKey: { on: ["owner_id", "provider_key", "name"], nulls: "equal", values: "later" },
    columns: [
      "id",
      "provider_key",
      "name",
      "display_name",
      "ownership_mode",
      "status",
      "granted_scopes",
      "executing_identity",
      "allow_non_interactive",
      "owner_id",
      "created_at",
    ],
    regionalColumns: {
      status_reason: NOT_HERE("the result of this region's last check"),
      health: { onInsert: "'unknown'", why: "the result of this region's last check" },
      health_checked_at: NOT_HERE("the time of this region's last check"),
      updated_at: { onInsert: "now()", why: "each check and each refusal writes it" },
    },
    references: { owner_id: OWNED_BY_USER },
    uniqueIndexes: [
      { on: ["provider_key", "name"], where: "ownership_mode = 'instance'" },
      { on: ["owner_id", "provider_key", "name"], where: "ownership_mode = 'user'" },
    ],
    together: [["ownership_mode", "owner_id"]],
    disabling: { status: ["revoked"], allow_non_interactive: [false] },
    regionalValues: { status: ["expired", "error"] },
    deletes: "later",
    reason:
      "Revoking a connection wins over concurrent edits. If the provider refuses to refresh a token, only the region that tried marks the token as expired.",
  },
  {
    table: "connection_secret",
    pruned: true,
    key: ["connection_id"],
    columns: ["connection_id", "encrypted_payload", "created_at"],
    regionalColumns: { updated_at: TOUCHED },
    references: { connection_id: partOf("connection") },
    ciphertext: { encrypted_payload: { form: "token" } },
    deletes: "untilMadeAgain",
    reason:
      "Revoking a connection deletes its secret. If two regions refresh a single-use token at the same time, the user must reconnect.",
  },
  {
    table: "connection_oauth",
    pruned: true,
    key: ["connection_id"],
    columns: ["connection_id", "generation", "user_id", "registration_id", "config_digest", "scopes", "expires_at"],
    regionalColumns: {
      state_digest: NOT_HERE("used once, by the callback in the region that started the authorization"),
      browser_digest: NOT_HERE("used once, by the callback in the region that started the authorization"),
      encrypted_verifier: NOT_HERE("used once, by the callback in the region that started the authorization"),
    },
    references: { connection_id: partOf("connection"), user_id: OWNED_BY_USER },
    uniqueIndexes: [{ on: ["state_digest"], meeting: "held" }],
    whole: {},
    deletes: "untilMadeAgain",
    reason: "LangFlow needs the row to refresh tokens.",
  },
];

const PERMISSIONS: readonly Declared[] = [
  {
    table: "authz_role",
    naturalKey: {
      on: ["name"],
      nulls: "none",
      values: "first",
      unites: { column: "is_system", oneOf: [true] },
      passing: true,
    },
    columns: [
      "id",
      "name",
      "description",
      "is_system",
      "permissions",
      "parent_role_id",
      "workspace_id",
      "created_at",
      "updated_at",
      "created_by",
    ],
    references: {
      parent_role_id: { to: "authz_role", missing: "null", dead: "null" },
      created_by: WRITTEN_BY_USER,
    },
    deletes: "final",
    reason: "Two roles with the same name merge only if LangFlow's migrations created them.",
  },
  {
    table: "authz_role_assignment",
    naturalKey: { on: ["user_id", "role_id", "domain_type", "domain_id"], nulls: "equal", values: "later" },
    columns: ["id", "user_id", "role_id", "domain_type", "domain_id", "assigned_at", "assigned_by"],
    references: {
      user_id: OWNED_BY_USER,
      role_id: partOf("authz_role"),
      domain_id: {
        to: { by: "domain_type", tables: { project: "folder" } },
        soft: true,
        missing: "stays",
        dead: "dies",
      },
      assigned_by: WRITTEN_BY_USER,
    },
    uniqueIndexes: [
      { on: ["user_id", "role_id", "domain_type", "domain_id"], where: "domain_id IS NOT NULL" },
      { on: ["user_id", "role_id", "domain_type"], where: "domain_id IS NULL" },
    ],
    deletes: "final",
    madeAt: "assigned_at",
    reason: "Granting a role again creates a new row.",
  },
  {
    table: "authz_role_assignment_grant",
    naturalKey: {
      on: ["assignment_id", "source_kind", "provider_id", "external_group"],
      nulls: "equal",
      values: "later",
    },
    columns: [
      "id",
      "assignment_id",
      "source_kind",
      "provider_id",
      "external_group",
      "administrative_actor",
      "created_at",
      "updated_at",
    ],
    references: { assignment_id: partOf("authz_role_assignment"), administrative_actor: WRITTEN_BY_USER },
    uniqueIndexes: [
      { on: ["assignment_id", "provider_id", "external_group"], where: "source_kind = 'idp'" },
      { on: ["assignment_id"], where: "source_kind = 'manual'" },
    ],
    together: [["source_kind", "provider_id", "external_group"]],
    deletes: "final",
    reason: "Each row records one source of a role assignment, for example a group at the identity provider.",
  },
  {
    table: "authz_team",
    naturalKey: { on: ["adom_name"], nulls: "none", values: "first", unites: NONE, passing: true },
    columns: ["id", "team_name", "adom_name", "description", "is_active", "created_at", "updated_at"],
    disabling: { is_active: [false] },
    deletes: "final",
    reason: "The permissions of a deleted team do not return.",
  },
  {
    table: "authz_team_member",
    naturalKey: { on: ["team_id", "user_id"], nulls: "none", values: "later" },
    columns: ["id", "team_id", "user_id", "source", "created_at"],
    references: { team_id: partOf("authz_team"), user_id: OWNED_BY_USER },
    deletes: "final",
    reason: "Joining a team again creates a new row.",
  },
  {
    table: "authz_team_member_grant",
    naturalKey: {
      on: ["membership_id", "source_kind", "provider_id", "external_group_id", "legacy_source"],
      nulls: "equal",
      values: "later",
    },
    columns: [
      "id",
      "membership_id",
      "source_kind",
      "provider_id",
      "external_group_id",
      "legacy_source",
      "administrative_actor",
      "created_at",
      "updated_at",
    ],
    references: { membership_id: partOf("authz_team_member"), administrative_actor: WRITTEN_BY_USER },
    uniqueIndexes: [
      { on: ["membership_id", "provider_id", "external_group_id"], where: "source_kind = 'directory'" },
      { on: ["membership_id", "legacy_source"], where: "source_kind = 'legacy'" },
      { on: ["membership_id"], where: "source_kind = 'manual'" },
    ],
    together: [["source_kind", "provider_id", "external_group_id", "legacy_source"]],
    deletes: "final",
    reason: "Each row records one source of a team membership, for example a group at the identity provider.",
  },
  {
    table: "authz_share",
    naturalKey: { on: ["resource_type", "resource_id", "scope", "target_id"], nulls: "equal", values: "later" },
    columns: [
      "id",
      "resource_type",
      "resource_id",
      "scope",
      "target_id",
      "permission_level",
      "created_by",
      "created_at",
    ],
    references: {
      resource_id: ABOUT_RESOURCE,
      target_id: {
        to: { by: "scope", tables: { user: "user", team: "authz_team" } },
        soft: true,
        missing: "stays",
        dead: "dies",
      },
      created_by: WRITTEN_BY_USER,
    },
    uniqueIndexes: [
      { on: ["resource_type", "resource_id", "scope", "target_id"], where: "target_id IS NOT NULL" },
      { on: ["resource_type", "resource_id", "scope"], where: "target_id IS NULL" },
    ],
    together: [["scope", "target_id"]],
    deletes: "final",
    reason: "Sharing a resource again creates a new row.",
  },
  {
    table: "authz_access_exception",
    naturalKey: { on: ["user_id", "resource_type", "resource_id"], nulls: "none", values: "later" },
    columns: ["id", "user_id", "resource_type", "resource_id", "created_by", "created_at"],
    references: { user_id: OWNED_BY_USER, resource_id: ABOUT_RESOURCE, created_by: WRITTEN_BY_USER },
    deletes: "later",
    reason:
      "Each row denies one user access to one resource. If two regions create the same denial concurrently, one denial survives the delete of the other.",
  },
  {
    table: "casbin_rule",
    primaryKey: ["id"],
    key: ["ptype", "v0", "v1", "v2", "v3", "v4", "v5"],
    columns: ["ptype", "v0", "v1", "v2", "v3", "v4", "v5"],
    regionalColumns: { id: { onInsert: "DEFAULT", why: "numbered by each database" } },
    deletes: "untilMadeAgain",
    reason: "Only LangFlow's authorization plugins write rows.",
  },
  {
    table: "sso_config",
    columns: [
      "id",
      "slug",
      "display_name",
      "protocol",
      "enabled",
      "sort_order",
      "client_secret_encrypted",
      "provider_settings",
      "email_claim",
      "username_claim",
      "user_id_claim",
      "created_at",
      "updated_at",
      "created_by",
      "updated_by",
    ],
    references: { created_by: WRITTEN_BY_USER, updated_by: WRITTEN_BY_USER },
    uniqueIndexes: [{ on: ["slug"], meeting: "held" }],
    // A check constraint of the table requires that the settings match the protocol.
    together: [["protocol", "provider_settings", "client_secret_encrypted"]],
    disabling: { enabled: [false] },
    ciphertext: { client_secret_encrypted: { form: "sso" } },
    deletes: "final",
    reason: "Contains the client secret as ciphertext.",
  },
  {
    table: "sso_settings",
    numbered: true,
    columns: ["id", "enforce_sso"],
    disabling: { enforce_sso: [true] },
    deletes: "untilMadeAgain",
    reason: "Contains a single row. If regions edit it concurrently, enforcing SSO wins.",
  },
  {
    table: "sso_user_profile",
    naturalKey: { on: ["user_id", "sso_provider"], nulls: "none", values: "first" },
    columns: [
      "id",
      "user_id",
      "sso_provider",
      "sso_user_id",
      "email",
      "first_name",
      "last_name",
      "picture",
      "created_at",
    ],
    regionalColumns: {
      sso_last_login_at: NOT_HERE("each sign-in writes it"),
      updated_at: { onInsert: "now()", why: "each sign-in writes it" },
    },
    references: { user_id: OWNED_BY_USER },
    uniqueIndexes: [
      { on: ["sso_provider", "sso_user_id"], meeting: { proves: "user_id" } },
      { on: ["user_id", "sso_provider"] },
    ],
    deletes: "final",
    reason: "Maps an SSO subject to the same user in every region.",
  },
];

const POLICIES: readonly Declared[] = [
  {
    table: "policy_bundle_revision",
    key: ["revision"],
    numbered: true,
    columns: [
      "revision",
      "initialized",
      "approved_provider_ids",
      "blocked_component_keys",
      "blocked_template_keys",
      "blocked_model_keys",
      "approved_integration_provider_ids",
      "blocked_integration_action_keys",
      "content_hash",
      "source",
      "created_by",
      "created_at",
      "reason",
      "rollback_of_revision",
    ],
    references: {
      created_by: { to: "user", soft: true, missing: "stays", dead: "null" },
      rollback_of_revision: { to: "policy_bundle_revision", missing: "waits", dead: "null" },
    },
    only: { not: { column: "source", oneOf: ["migration"] } },
    whole: {},
    deletes: "untilMadeAgain",
    reason: "If two revisions have the same number, the later row wins as a whole, because a hash covers its columns.",
  },
  {
    table: "policy_bundle_active",
    numbered: true,
    columns: ["id", "revision", "initialized", "updated_at"],
    references: { revision: { to: "policy_bundle_revision", soft: true, missing: "waits", dead: "stays" } },
    only: { column: "initialized", oneOf: [true] },
    whole: { counter: "revision" },
    deletes: "untilMadeAgain",
    reason: "Contains a single row. The greater revision wins.",
  },
  {
    table: "model_provider_policy",
    numbered: true,
    columns: ["id", "approved_provider_ids", "version"],
    whole: { counter: "version" },
    deletes: "untilMadeAgain",
    reason: "Contains a single row, which equals the active revision.",
  },
  {
    table: "catalog_policy_rule",
    naturalKey: { on: ["resource_kind", "resource_key", "scope", "domain_id"], nulls: "equal", values: "later" },
    columns: [
      "id",
      "resource_kind",
      "resource_key",
      "mode",
      "scope",
      "domain_id",
      "created_by",
      "created_at",
      "updated_at",
    ],
    references: {
      created_by: WRITTEN_BY_USER,
    },
    uniqueIndexes: [
      { on: ["resource_kind", "resource_key", "scope", "domain_id"], where: "domain_id IS NOT NULL" },
      { on: ["resource_kind", "resource_key", "scope"], where: "domain_id IS NULL" },
    ],
    together: [["scope", "domain_id"]],
    disabling: { mode: ["block"] },
    deletes: "later",
    reason: "If two regions create the same blocking rule concurrently, one rule survives the delete of the other.",
  },
];

const BESIDE_FLOWS: readonly Declared[] = [
  {
    table: "flow",
    columns: [
      "id",
      "name",
      "description",
      "icon",
      "icon_bg_color",
      "gradient",
      "is_component",
      "webhook",
      "endpoint_name",
      "data",
      "version_token",
      "mcp_enabled",
      "tags",
      "locked",
      "user_id",
      "folder_id",
      "action_name",
      "action_description",
      "access_type",
      "flow_type",
      "a2a_enabled",
      "a2a_card_overrides",
      "workspace_id",
      "last_modified_by",
    ],
    regionalColumns: {
      // Pods compare this time to find out whether their cached graph is still the newest.
      updated_at: {
        onInsert: "now()",
        onUpdate: "greatest(clock_timestamp(), t.updated_at + interval '1 microsecond')",
        why: "LangFlow writes it at each save",
      },
      // LangFlow reads this file at each start, and would overwrite later changes with it.
      fs_path: { onInsert: "NULL", onUpdate: "NULL", why: "a path on the region's claim" },
    },
    references: {
      user_id: OWNED_BY_USER,
      // LangFlow would move a flow without a project into the user's first project.
      folder_id: { to: "folder", missing: "waits", dead: "null", instead: { name: DEFAULT_PROJECT, owner: "user_id" } },
      last_modified_by: { to: "user", soft: true, missing: "stays", dead: "null" },
    },
    regionalParts: [
      { table: "transaction", column: "flow_id" },
      { table: "vertex_build", column: "flow_id" },
    ],
    uniqueIndexes: [
      { on: ["user_id", "endpoint_name"], meeting: { name: "endpoint_name", slug: true } },
      { on: ["user_id", "name"], meeting: { name: "name" } },
      { on: ["id"] },
    ],
    only: { not: { column: "user_id", oneOf: [null] } },
    versions: {
      content: ["data", "version_token", "webhook"],
      token: "version_token",
      edits: [
        "name",
        "description",
        "icon",
        "icon_bg_color",
        "is_component",
        "endpoint_name",
        "data",
        "version_token",
        "mcp_enabled",
        "tags",
        "locked",
      ],
      copy: {
        name: "name",
        values: { endpoint_name: null, access_type: "PRIVATE", a2a_enabled: false, mcp_enabled: false },
      },
    },
    disabling: { access_type: ["PRIVATE"], a2a_enabled: [false] },
    deletes: "unlessEdited",
    reason:
      "Contains keys that users typed into components. Making a flow private wins over concurrent edits. LangFlow's starter flows stay regional.",
  },
  {
    table: "flow_version",
    pruned: true,
    columns: [
      "id",
      "flow_id",
      "user_id",
      "data",
      "version_number",
      "description",
      "retained",
      "retained_reason",
      "created_at",
    ],
    references: { flow_id: partOf("flow"), user_id: WRITTEN_BY_USER },
    uniqueIndexes: [{ on: ["flow_id", "version_number"], meeting: { number: "version_number" } }],
    together: [["retained", "retained_reason"]],
    deletes: "final",
    reason:
      "If two versions of a flow have the same number, the later one gets the next free number. LangFlow deletes old versions beyond 50.",
  },
  {
    table: "deployment_provider_account",
    naturalKey: { on: ["user_id", "provider_key", "name"], nulls: "none", values: "later" },
    columns: [
      "id",
      "user_id",
      "provider_tenant_id",
      "name",
      "provider_url",
      "api_key",
      "created_at",
      "updated_at",
      "provider_key",
    ],
    references: { user_id: OWNED_BY_USER },
    uniqueIndexes: [
      { on: ["user_id", "provider_key", "name"] },
      { on: ["user_id", "provider_url", "provider_tenant_id"], meeting: "held" },
    ],
    together: [["provider_url", "provider_tenant_id", "provider_key", "api_key"]],
    ciphertext: { api_key: { form: "token" } },
    deletes: "final",
    reason: "Contains the provider's API key as ciphertext.",
  },
  {
    table: "deployment",
    naturalKey: { on: ["deployment_provider_account_id", "resource_key"], nulls: "none", values: "later" },
    columns: [
      "id",
      "resource_key",
      "user_id",
      "project_id",
      "deployment_provider_account_id",
      "workspace_id",
      "display_name",
      "description",
      "created_at",
      "updated_at",
      "deployment_type",
    ],
    references: {
      user_id: OWNED_BY_USER,
      project_id: partOf("folder"),
      deployment_provider_account_id: partOf("deployment_provider_account"),
    },
    deletes: "final",
    reason: "Each row describes one resource at the provider, which all regions share.",
  },
  {
    table: "flow_version_deployment_attachment",
    naturalKey: { on: ["flow_version_id", "deployment_id"], nulls: "none", values: "later" },
    columns: ["id", "user_id", "flow_version_id", "deployment_id", "provider_snapshot_id", "created_at", "updated_at"],
    references: {
      user_id: OWNED_BY_USER,
      flow_version_id: partOf("flow_version"),
      deployment_id: partOf("deployment"),
    },
    deletes: "final",
    reason: "Records which version of a flow a deployment runs.",
  },
  {
    table: "project_replacement_operation",
    pruned: true,
    key: ["project_id", "operation_id"],
    columns: [
      "project_id",
      "operation_id",
      "request_digest",
      "result",
      "project_user_id",
      "workspace_id",
      "created_at",
    ],
    references: {
      project_id: { to: "folder", soft: true, missing: "stays", dead: "stays" },
      project_user_id: { to: "user", soft: true, missing: "stays", dead: "dies" },
    },
    deletes: "untilMadeAgain",
    reason: "Records the result of an operation, which makes a retry in another region idempotent.",
  },
  {
    table: "knowledge_base",
    naturalKey: { on: ["user_id", "name"], nulls: "none", values: "later" },
    columns: [
      "id",
      "name",
      "user_id",
      "model_selection",
      "chunk_size",
      "chunk_overlap",
      "separator",
      "column_config",
      "backend_type",
      "backend_config",
      "storage_generation",
      "chunks",
      "words",
      "characters",
      "size_bytes",
      "source_types",
      "created_at",
      "updated_at",
    ],
    regionalColumns: {
      status: { onInsert: "'ready'", why: "whether this region is filling it" },
      failure_reason: NOT_HERE("this region's last failure"),
      storage_state: { onInsert: "'ready'", why: "whether a storage upgrade of this region locks the knowledge base" },
      active_migration_id: NOT_HERE("a storage upgrade of this region"),
    },
    references: { user_id: OWNED_BY_USER },
    only: {
      any: [
        { column: "backend_type", oneOf: ["astra", "mongodb", "opensearch"] },
        {
          all: [
            { column: "backend_type", oneOf: ["chroma"] },
            { column: "backend_config", field: "mode", oneOf: ["cloud"] },
          ],
        },
      ],
    },
    together: [["backend_type", "backend_config", "storage_generation", "model_selection"]],
    deletes: "final",
    reason:
      "A row replicates only if every region can reach the knowledge base's store (Astra, MongoDB, OpenSearch, Chroma Cloud). Otherwise it stays regional.",
  },
];

const SCHEDULES: readonly Declared[] = [
  {
    table: "trigger",
    pruned: true,
    naturalKey: { on: ["flow_id", "node_id"], nulls: "none", values: "first" },
    columns: [
      "id",
      "flow_id",
      "user_id",
      "name",
      "kind",
      "provider",
      "node_id",
      "connection_id",
      "config",
      "provider_state",
      "state",
      "binding_target",
      "deployment_id",
      "flow_version_id",
      "session_policy",
      "concurrency_limit",
      "max_attempts",
      "public_id",
      "signing_secret_encrypted",
      "created_at",
    ],
    regionalColumns: {
      next_fire_at: NOT_HERE("computed by the region that holds the schedules, from its own clock"),
      last_fired_at: NOT_HERE("the time at which it fired in this region"),
      last_error: NOT_HERE("this region's last failure"),
      updated_at: {
        onInsert: "now()",
        why: "LangFlow sets it at every update of the row, even when it only polls the trigger's source",
      },
    },
    references: {
      flow_id: partOf("flow"),
      user_id: OWNED_BY_USER,
      connection_id: { to: "connection", missing: "waits", dead: "null" },
      deployment_id: { to: "deployment", missing: "waits", dead: "null" },
      // A trigger whose pinned version is cleared would run whatever version the flow has now.
      flow_version_id: { to: "flow_version", missing: "waits", dead: "stays" },
    },
    uniqueIndexes: [
      { on: ["flow_id", "node_id"], where: "node_id IS NOT NULL" },
      { on: ["public_id"], meeting: "held" },
    ],
    together: [["kind", "provider", "connection_id", "config"]],
    ciphertext: { signing_secret_encrypted: { form: "token" } },
    deletes: "final",
    reason:
      "LangFlow creates a pending trigger each time a flow is saved. The first trigger stays, with its webhook address.",
  },
  {
    table: "trigger_subscription",
    pruned: true,
    naturalKey: { on: ["provider", "provider_subscription_id"], nulls: "none", values: "later" },
    columns: [
      "id",
      "trigger_id",
      "connection_id",
      "provider",
      "provider_subscription_id",
      "client_state_digest",
      "provider_state",
      "state",
      "expires_at",
      "renew_after",
      "created_at",
    ],
    regionalColumns: {
      lease_owner: NOT_HERE("a lease of this region's processes"),
      lease_until: NOT_HERE("a lease of this region's processes"),
      updated_at: TOUCHED,
    },
    references: {
      trigger_id: partOf("trigger"),
      connection_id: { to: "connection", missing: "waits", dead: "null" },
    },
    together: [["state", "expires_at", "renew_after", "provider_state", "client_state_digest"]],
    deletes: "final",
    reason:
      "Every region accepts the provider's pushes. Only the region that holds the schedules renews the subscription.",
  },
  {
    table: "trigger_source_version",
    pruned: true,
    key: ["trigger_id", "item_key"],
    columns: ["trigger_id", "item_key", "provider", "resource", "provider_item_id", "version"],
    regionalColumns: { updated_at: TOUCHED },
    references: { trigger_id: partOf("trigger") },
    whole: {},
    deletes: "untilMadeAgain",
    reason:
      "Records the result of the last poll. A region that takes over the schedules therefore processes no item twice.",
  },
  {
    table: "trigger_cleanup",
    pruned: true,
    columns: [
      "id",
      "trigger_id",
      "connection_id",
      "user_id",
      "provider",
      "kind",
      "provider_subscription_id",
      "provider_state",
      "expires_at",
      "encrypted_credential",
      "credential_expires_at",
    ],
    regionalColumns: {
      available_at: { onInsert: "now()", why: "the time of this region's next try" },
      attempt: { onInsert: "0", why: "the number of this region's tries" },
      last_error: NOT_HERE("this region's last failure"),
    },
    references: {
      trigger_id: { to: "trigger", soft: true, missing: "stays", dead: "stays" },
      connection_id: { to: "connection", soft: true, missing: "stays", dead: "stays" },
      user_id: { to: "user", soft: true, missing: "stays", dead: "stays" },
    },
    together: [["encrypted_credential", "credential_expires_at"]],
    ciphertext: { encrypted_credential: { form: "token" } },
    deletes: "final",
    reason: "Each row is a subscription or credential that LangFlow must still revoke at a provider.",
  },
];

/**
 * Runs that wait for a person, and their results. A run that goes on counts as deleted: no other region may answer it.
 * Runs that are queued, in progress or failed stay in their region. A checkpoint and a pause come before their run,
 * which is useless without them, and stay when the run ends: the region that goes on with it still reads them.
 */
const SUSPENDED_RUNS: readonly Declared[] = [
  {
    table: "job_checkpoints",
    ofRun: true,
    naturalKey: { on: ["job_id", "kind"], nulls: "none", values: "later" },
    columns: ["id", "job_id", "kind", "blob", "created_at", "updated_at"],
    references: { job_id: OF_RUN },
    together: [["blob", "updated_at"]],
    deletes: "final",
    reason: "Contains the checkpoint of a run that waits for a person.",
  },
  {
    table: "job_events",
    ofRun: true,
    columns: ["id", "job_id", "seq", "event_type", "payload", "created_at"],
    references: { job_id: OF_RUN },
    uniqueIndexes: [{ on: ["job_id", "seq"], meeting: { number: "seq" } }],
    only: { column: "event_type", oneOf: ["human_input_required"] },
    deletes: "final",
    reason: "Contains only the request of a run that waits for a person. The run's other events stay regional.",
  },
  {
    table: "job",
    ofRun: true,
    key: ["job_id"],
    columns: [
      "job_id",
      "flow_id",
      "status",
      "created_timestamp",
      "finished_timestamp",
      "type",
      "user_id",
      "asset_id",
      "asset_type",
      "dedupe_key",
      "job_metadata",
      "result",
      "error",
    ],
    references: {
      flow_id: { to: "flow", soft: true, missing: "stays", dead: "stays" },
      user_id: { to: "user", soft: true, missing: "waits", dead: "dies" },
    },
    only: {
      all: [
        { column: "status", oneOf: ["suspended", "completed"] },
        { not: { column: "job_metadata", field: "pending_request_id", oneOf: [null] } },
      ],
    },
    whole: {},
    deletes: "untilMadeAgain",
    madeAt: "created_timestamp",
    reason: "Contains only runs that wait for a person, and their results ([approvals](#runs-that-wait-for-a-person)).",
  },
];

/** Returns the complete rule of a table. By default, the natural key has a unique index. */
function replicated(declared: Declared): ReplicatedTable {
  const { columns, regionalColumns = {}, naturalKey } = declared;
  const { uniqueIndexes = naturalKey?.nulls === "none" ? [{ on: naturalKey.on }] : [] } = declared;
  const time = (column: string) => (columns.includes(column) || column in regionalColumns ? column : undefined);
  return {
    treatment: "carried",
    key: ["id"],
    references: {},
    madeAt: time("created_at"),
    editedAt: time("updated_at"),
    ...declared,
    regionalColumns,
    uniqueIndexes: uniqueIndexes.map((index) => ({ meeting: "one", ...index })),
  };
}

const staying = (treatment: RegionalTable["treatment"], tables: Readonly<Record<string, string>>): RegionalTable[] =>
  Object.entries(tables).map(([table, reason]) => ({ table, treatment, reason }));

const RUN = "Rows describe runs in this region.";
const RUN_LOG = "Rows log the region's runs. LangFlow deletes old rows.";
const AUDIT = "Rows are the region's audit log.";
const MEMORY =
  "Rows control how the region's runs fill a regional knowledge base. A second writer would duplicate entries.";

const REGIONAL = staying("regional", {
  a2a_checkpoints: RUN,
  a2a_tasks: RUN,
  alembic_version: "The row names the last migration of this database.",
  audit_events: AUDIT,
  authz_audit_log: AUDIT,
  authz_edit_lock: "A row is a short lease on a flow that a user edits.",
  background_job_metric_totals: "Rows count the region's background jobs.",
  data_subject_request: "Rows describe the progress of an erasure in this region.",
  execution_signals: RUN,
  ingestion_run: "Rows log how documents were added to a knowledge base in this region.",
  knowledge_base_storage_migration: "Rows describe upgrades of a knowledge base's storage in this region.",
  memory_base: MEMORY,
  memory_base_preprocessing_output: MEMORY,
  memory_base_session: MEMORY,
  memory_base_workflow_run: MEMORY,
  message_ingestion_record: MEMORY,
  span: RUN_LOG,
  trace: RUN_LOG,
  transaction: RUN_LOG,
  trigger_event: "Rows list the events that fired in this region.",
  vertex_build: RUN_LOG,
});

const OWNER = "Rows are leases of LangFlow's schedule loops. Only the region that holds the schedules writes them.";

const OWNED = staying("owned", {
  trigger_lease: OWNER,
  trigger_listener_lease: OWNER,
});

/**
 * Every table of LangFlow 1.13's database. Tables come after those that they refer to, because a row is applied after
 * the rows to which it refers.
 */
export const TABLES: readonly TableRule[] = [
  ...[ACCOUNTS, CONNECTIONS, PERMISSIONS, POLICIES, BESIDE_FLOWS, SCHEDULES, SUSPENDED_RUNS].flat().map(replicated),
  ...REGIONAL,
  ...OWNED,
];

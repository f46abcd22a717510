--
-- PostgreSQL database dump
--

\restrict B0AyE4KITPBlMmrMTq4sGKcptLUgJsQCe2e9RmSktbu3XTHMqqaGyd3WUPN0MXM

-- Dumped from database version 15.18 (Debian 15.18-0+deb12u1)
-- Dumped by pg_dump version 15.18 (Debian 15.18-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: access_type_enum; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.access_type_enum AS ENUM (
    'PRIVATE',
    'PUBLIC'
);


--
-- Name: deployment_provider_key_enum; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.deployment_provider_key_enum AS ENUM (
    'watsonx-orchestrate'
);


--
-- Name: deployment_type_enum; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.deployment_type_enum AS ENUM (
    'agent'
);


--
-- Name: execution_signal_type_enum; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.execution_signal_type_enum AS ENUM (
    'stop',
    'pause',
    'resume'
);


--
-- Name: flow_type_enum; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.flow_type_enum AS ENUM (
    'workflow',
    'agent'
);


--
-- Name: job_status_enum; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.job_status_enum AS ENUM (
    'queued',
    'in_progress',
    'completed',
    'failed',
    'cancelled',
    'timed_out',
    'suspended'
);


--
-- Name: job_type_enum; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.job_type_enum AS ENUM (
    'workflow',
    'ingestion',
    'evaluation'
);


--
-- Name: spankind; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.spankind AS ENUM (
    'INTERNAL',
    'CLIENT',
    'SERVER',
    'PRODUCER',
    'CONSUMER'
);


--
-- Name: spanstatus; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.spanstatus AS ENUM (
    'unset',
    'ok',
    'error'
);


--
-- Name: spantype; Type: TYPE; Schema: public; Owner: -
--

CREATE TYPE public.spantype AS ENUM (
    'chain',
    'llm',
    'tool',
    'retriever',
    'embedding',
    'parser',
    'agent'
);


--
-- Name: prevent_sso_config_slug_update(); Type: FUNCTION; Schema: public; Owner: -
--

CREATE FUNCTION public.prevent_sso_config_slug_update() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
                BEGIN
                    IF OLD.slug IS NOT NULL AND NEW.slug IS DISTINCT FROM OLD.slug THEN
                        RAISE EXCEPTION 'SSOConfig.slug is immutable after insert';
                    END IF;
                    RETURN NEW;
                END;
                $$;


SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: a2a_checkpoints; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.a2a_checkpoints (
    run_id character varying NOT NULL,
    checkpoint jsonb NOT NULL
);


--
-- Name: a2a_tasks; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.a2a_tasks (
    id character varying NOT NULL,
    owner character varying NOT NULL,
    task jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone DEFAULT now()
);


--
-- Name: alembic_version; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);


--
-- Name: apikey; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.apikey (
    name character varying,
    last_used_at timestamp without time zone,
    total_uses integer NOT NULL,
    is_active boolean NOT NULL,
    expires_at timestamp with time zone,
    id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    api_key character varying NOT NULL,
    api_key_hash character varying,
    user_id uuid NOT NULL
);


--
-- Name: authz_audit_log; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.authz_audit_log (
    id uuid NOT NULL,
    user_id uuid,
    actor_type character varying,
    actor_id uuid,
    action character varying NOT NULL,
    resource_type character varying,
    resource_id uuid,
    result character varying NOT NULL,
    details json,
    "timestamp" timestamp with time zone NOT NULL,
    CONSTRAINT ck_authz_audit_log_result_enum CHECK (((result)::text = ANY ((ARRAY['allow'::character varying, 'deny'::character varying, 'owner_override'::character varying, 'skip'::character varying])::text[])))
);


--
-- Name: authz_edit_lock; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.authz_edit_lock (
    id uuid NOT NULL,
    flow_id uuid NOT NULL,
    holder_user_id uuid NOT NULL,
    acquired_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL
);


--
-- Name: authz_role; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.authz_role (
    id uuid NOT NULL,
    name character varying NOT NULL,
    description character varying,
    is_system boolean NOT NULL,
    permissions json NOT NULL,
    parent_role_id uuid,
    workspace_id uuid,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    created_by uuid
);


--
-- Name: authz_role_assignment; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.authz_role_assignment (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    role_id uuid NOT NULL,
    domain_type character varying NOT NULL,
    domain_id uuid,
    assigned_at timestamp with time zone NOT NULL,
    assigned_by uuid
);


--
-- Name: authz_role_assignment_grant; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.authz_role_assignment_grant (
    id uuid NOT NULL,
    assignment_id uuid NOT NULL,
    source_kind character varying NOT NULL,
    provider_id character varying(256),
    external_group character varying(256),
    administrative_actor uuid,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    CONSTRAINT ck_authz_role_assignment_grant_source CHECK (((((source_kind)::text = 'manual'::text) AND (provider_id IS NULL) AND (external_group IS NULL)) OR (((source_kind)::text = 'idp'::text) AND (provider_id IS NOT NULL) AND (external_group IS NOT NULL))))
);


--
-- Name: authz_share; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.authz_share (
    id uuid NOT NULL,
    resource_type character varying NOT NULL,
    resource_id uuid NOT NULL,
    scope character varying NOT NULL,
    target_id uuid,
    permission_level character varying NOT NULL,
    created_by uuid,
    created_at timestamp with time zone NOT NULL,
    CONSTRAINT ck_authz_share_permission_enum CHECK (((permission_level)::text = ANY ((ARRAY['read'::character varying, 'write'::character varying, 'execute'::character varying, 'admin'::character varying])::text[]))),
    CONSTRAINT ck_authz_share_scope_enum CHECK (((scope)::text = ANY ((ARRAY['private'::character varying, 'team'::character varying, 'user'::character varying, 'public'::character varying])::text[]))),
    CONSTRAINT ck_authz_share_scope_target_consistency CHECK (((((scope)::text = ANY ((ARRAY['team'::character varying, 'user'::character varying])::text[])) AND (target_id IS NOT NULL)) OR (((scope)::text = ANY ((ARRAY['private'::character varying, 'public'::character varying])::text[])) AND (target_id IS NULL))))
);


--
-- Name: authz_team; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.authz_team (
    id uuid NOT NULL,
    team_name character varying NOT NULL,
    adom_name character varying NOT NULL,
    description character varying,
    is_active boolean NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL
);


--
-- Name: authz_team_member; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.authz_team_member (
    id uuid NOT NULL,
    team_id uuid NOT NULL,
    user_id uuid NOT NULL,
    source character varying NOT NULL,
    created_at timestamp with time zone NOT NULL
);


--
-- Name: casbin_rule; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.casbin_rule (
    id integer NOT NULL,
    ptype character varying(255) NOT NULL,
    v0 character varying(255),
    v1 character varying(255),
    v2 character varying(255),
    v3 character varying(255),
    v4 character varying(255),
    v5 character varying(255)
);


--
-- Name: casbin_rule_id_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.casbin_rule_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: casbin_rule_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.casbin_rule_id_seq OWNED BY public.casbin_rule.id;


--
-- Name: catalog_policy_rule; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.catalog_policy_rule (
    id uuid NOT NULL,
    resource_kind character varying NOT NULL,
    resource_key character varying NOT NULL,
    mode character varying DEFAULT 'block'::character varying NOT NULL,
    scope character varying DEFAULT 'global'::character varying NOT NULL,
    domain_id uuid,
    created_by uuid,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT ck_catalog_policy_rule_mode CHECK (((mode)::text = ANY ((ARRAY['block'::character varying, 'allow'::character varying])::text[]))),
    CONSTRAINT ck_catalog_policy_rule_resource_kind CHECK (((resource_kind)::text = ANY ((ARRAY['component'::character varying, 'template'::character varying])::text[]))),
    CONSTRAINT ck_catalog_policy_rule_scope CHECK (((scope)::text = ANY ((ARRAY['global'::character varying, 'org'::character varying, 'workspace'::character varying])::text[]))),
    CONSTRAINT ck_catalog_policy_rule_scope_domain_consistency CHECK (((((scope)::text = 'global'::text) AND (domain_id IS NULL)) OR (((scope)::text = ANY ((ARRAY['org'::character varying, 'workspace'::character varying])::text[])) AND (domain_id IS NOT NULL))))
);


--
-- Name: deployment; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.deployment (
    id uuid NOT NULL,
    resource_key character varying NOT NULL,
    user_id uuid NOT NULL,
    project_id uuid NOT NULL,
    deployment_provider_account_id uuid NOT NULL,
    workspace_id uuid,
    display_name character varying,
    description text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    deployment_type public.deployment_type_enum
);


--
-- Name: deployment_provider_account; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.deployment_provider_account (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    provider_tenant_id character varying,
    name character varying NOT NULL,
    provider_url character varying NOT NULL,
    api_key character varying NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    provider_key public.deployment_provider_key_enum NOT NULL
);


--
-- Name: execution_signals; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.execution_signals (
    id uuid NOT NULL,
    job_id uuid NOT NULL,
    signal_type public.execution_signal_type_enum NOT NULL,
    data jsonb,
    created_at timestamp with time zone NOT NULL,
    consumed_at timestamp with time zone
);


--
-- Name: file; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.file (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    name character varying NOT NULL,
    path character varying NOT NULL,
    size integer NOT NULL,
    provider character varying,
    created_at timestamp without time zone NOT NULL,
    updated_at timestamp without time zone NOT NULL
);


--
-- Name: flow; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.flow (
    name character varying NOT NULL,
    description text,
    icon_bg_color character varying,
    gradient character varying,
    is_component boolean,
    updated_at timestamp without time zone,
    webhook boolean,
    endpoint_name character varying,
    data json,
    mcp_enabled boolean,
    action_name character varying,
    action_description text,
    access_type public.access_type_enum DEFAULT 'PRIVATE'::public.access_type_enum NOT NULL,
    flow_type public.flow_type_enum DEFAULT 'workflow'::public.flow_type_enum NOT NULL,
    a2a_enabled boolean DEFAULT false,
    a2a_card_overrides json,
    id uuid NOT NULL,
    user_id uuid,
    icon character varying,
    tags json,
    locked boolean,
    folder_id uuid,
    workspace_id uuid,
    fs_path character varying
);


--
-- Name: flow_version; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.flow_version (
    id uuid NOT NULL,
    flow_id uuid NOT NULL,
    user_id uuid,
    data json,
    version_number integer NOT NULL,
    description character varying(500),
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT ck_flow_version_version_number_positive CHECK ((version_number >= 1))
);


--
-- Name: flow_version_deployment_attachment; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.flow_version_deployment_attachment (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    flow_version_id uuid NOT NULL,
    deployment_id uuid NOT NULL,
    provider_snapshot_id character varying,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL
);


--
-- Name: folder; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.folder (
    name character varying NOT NULL,
    description text,
    auth_settings json,
    id uuid NOT NULL,
    parent_id uuid,
    user_id uuid,
    workspace_id uuid
);


--
-- Name: ingestion_run; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.ingestion_run (
    id uuid NOT NULL,
    job_id uuid,
    kb_name character varying NOT NULL,
    kb_id uuid,
    user_id uuid,
    source_type character varying NOT NULL,
    source_config jsonb NOT NULL,
    status character varying NOT NULL,
    error_message character varying,
    total_items integer NOT NULL,
    succeeded integer NOT NULL,
    failed integer NOT NULL,
    skipped integer NOT NULL,
    total_bytes bigint DEFAULT '0'::bigint NOT NULL,
    chunks_created integer NOT NULL,
    items jsonb NOT NULL,
    user_metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    started_at timestamp with time zone DEFAULT now() NOT NULL,
    finished_at timestamp with time zone,
    CONSTRAINT ck_ingestion_run_status CHECK (((status)::text = ANY ((ARRAY['pending'::character varying, 'running'::character varying, 'succeeded'::character varying, 'partial'::character varying, 'failed'::character varying, 'cancelled'::character varying])::text[])))
);


--
-- Name: job; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.job (
    job_id uuid NOT NULL,
    flow_id uuid NOT NULL,
    status public.job_status_enum NOT NULL,
    created_timestamp timestamp with time zone NOT NULL,
    finished_timestamp timestamp with time zone,
    type public.job_type_enum,
    user_id uuid,
    asset_id uuid,
    asset_type character varying,
    dedupe_key character varying,
    job_metadata jsonb,
    result jsonb,
    error jsonb
);


--
-- Name: job_checkpoints; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.job_checkpoints (
    id uuid NOT NULL,
    job_id uuid NOT NULL,
    kind character varying NOT NULL,
    blob text NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL
);


--
-- Name: job_events; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.job_events (
    id uuid NOT NULL,
    job_id uuid NOT NULL,
    seq integer NOT NULL,
    event_type character varying NOT NULL,
    payload jsonb,
    created_at timestamp with time zone NOT NULL
);


--
-- Name: knowledge_base; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.knowledge_base (
    id uuid NOT NULL,
    name character varying NOT NULL,
    user_id uuid NOT NULL,
    model_selection jsonb NOT NULL,
    chunk_size integer NOT NULL,
    chunk_overlap integer NOT NULL,
    separator character varying,
    column_config jsonb NOT NULL,
    backend_type character varying NOT NULL,
    backend_config jsonb NOT NULL,
    chunks integer NOT NULL,
    words integer NOT NULL,
    characters integer NOT NULL,
    size_bytes bigint DEFAULT '0'::bigint NOT NULL,
    source_types jsonb NOT NULL,
    status character varying NOT NULL,
    failure_reason character varying,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT ck_knowledge_base_status CHECK (((status)::text = ANY ((ARRAY['creating'::character varying, 'ready'::character varying, 'ingesting'::character varying, 'failed'::character varying])::text[])))
);


--
-- Name: mcp_server; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.mcp_server (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    name character varying NOT NULL,
    transport character varying,
    config json,
    enabled boolean NOT NULL,
    version integer NOT NULL,
    created_at timestamp without time zone NOT NULL,
    updated_at timestamp without time zone NOT NULL
);


--
-- Name: memory_base; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.memory_base (
    name character varying NOT NULL,
    flow_id uuid NOT NULL,
    user_id uuid NOT NULL,
    threshold integer NOT NULL,
    auto_capture boolean NOT NULL,
    embedding_model character varying NOT NULL,
    preprocessing boolean NOT NULL,
    preproc_model character varying,
    preproc_instructions character varying,
    preproc_kill_phrase character varying,
    id uuid NOT NULL,
    kb_name character varying NOT NULL,
    created_at timestamp with time zone NOT NULL
);


--
-- Name: memory_base_preprocessing_output; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.memory_base_preprocessing_output (
    id uuid NOT NULL,
    memory_base_id uuid NOT NULL,
    session_id character varying NOT NULL,
    job_id uuid,
    status character varying NOT NULL,
    output_text text,
    source_message_ids json NOT NULL,
    model_used character varying NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL
);


--
-- Name: memory_base_session; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.memory_base_session (
    session_id character varying NOT NULL,
    cursor_id uuid,
    total_processed integer NOT NULL,
    last_sync_at timestamp with time zone,
    id uuid NOT NULL,
    memory_base_id uuid NOT NULL
);


--
-- Name: memory_base_workflow_run; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.memory_base_workflow_run (
    id uuid NOT NULL,
    memory_base_id uuid NOT NULL,
    session_id character varying NOT NULL,
    workflow_job_id uuid,
    ingestion_job_id uuid,
    recorded_at timestamp with time zone NOT NULL
);


--
-- Name: message; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.message (
    "timestamp" timestamp without time zone NOT NULL,
    sender character varying NOT NULL,
    sender_name character varying NOT NULL,
    session_id character varying NOT NULL,
    text text,
    id uuid NOT NULL,
    flow_id uuid,
    files json,
    error boolean DEFAULT false NOT NULL,
    edit boolean DEFAULT false NOT NULL,
    properties json,
    category text,
    content_blocks json,
    context_id character varying,
    session_metadata json,
    run_id uuid,
    is_output boolean DEFAULT false NOT NULL,
    user_id uuid
);


--
-- Name: message_ingestion_record; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.message_ingestion_record (
    id uuid NOT NULL,
    message_id uuid NOT NULL,
    memory_base_id uuid NOT NULL,
    job_id uuid,
    session_id character varying NOT NULL,
    ingested_at timestamp with time zone NOT NULL
);


--
-- Name: model_provider_policy; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.model_provider_policy (
    id integer NOT NULL,
    approved_provider_ids json NOT NULL,
    version integer NOT NULL,
    CONSTRAINT ck_model_provider_policy_singleton CHECK ((id = 1)),
    CONSTRAINT ck_model_provider_policy_version CHECK ((version >= 0))
);


--
-- Name: policy_bundle_active; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.policy_bundle_active (
    id integer NOT NULL,
    revision integer NOT NULL,
    initialized boolean DEFAULT false NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT ck_policy_bundle_active_revision_positive CHECK ((revision >= 1)),
    CONSTRAINT ck_policy_bundle_active_singleton CHECK ((id = 1))
);


--
-- Name: policy_bundle_revision; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.policy_bundle_revision (
    revision integer NOT NULL,
    initialized boolean NOT NULL,
    approved_provider_ids json NOT NULL,
    blocked_component_keys json NOT NULL,
    blocked_template_keys json NOT NULL,
    blocked_model_keys json DEFAULT '[]'::json,
    content_hash character varying(64) NOT NULL,
    source character varying(32) NOT NULL,
    created_by uuid,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    reason character varying(1024),
    rollback_of_revision integer,
    CONSTRAINT ck_policy_bundle_revision_hash_length CHECK ((length((content_hash)::text) = 64)),
    CONSTRAINT ck_policy_bundle_revision_positive CHECK ((revision >= 1))
);


--
-- Name: policy_bundle_revision_revision_seq; Type: SEQUENCE; Schema: public; Owner: -
--

CREATE SEQUENCE public.policy_bundle_revision_revision_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


--
-- Name: policy_bundle_revision_revision_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: -
--

ALTER SEQUENCE public.policy_bundle_revision_revision_seq OWNED BY public.policy_bundle_revision.revision;


--
-- Name: span; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.span (
    name character varying NOT NULL,
    span_type public.spantype NOT NULL,
    status public.spanstatus NOT NULL,
    start_time timestamp without time zone NOT NULL,
    end_time timestamp without time zone,
    latency_ms integer NOT NULL,
    inputs json,
    outputs json,
    error text,
    span_kind public.spankind NOT NULL,
    attributes json,
    id uuid NOT NULL,
    trace_id uuid NOT NULL,
    parent_span_id uuid
);


--
-- Name: sso_config; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sso_config (
    id uuid NOT NULL,
    slug character varying NOT NULL,
    display_name character varying NOT NULL,
    protocol character varying NOT NULL,
    enabled boolean NOT NULL,
    sort_order integer DEFAULT 0 NOT NULL,
    client_secret_encrypted character varying,
    provider_settings json NOT NULL,
    email_claim character varying NOT NULL,
    username_claim character varying NOT NULL,
    user_id_claim character varying NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    created_by uuid,
    updated_by uuid,
    CONSTRAINT ck_sso_config_client_secret_envelope CHECK (((client_secret_encrypted IS NULL) OR ((substr((client_secret_encrypted)::text, 1, 37) = 'lf-sso:v1:hkdf-sha256-v1:aes-256-gcm:'::text) AND (substr((client_secret_encrypted)::text, 54, 1) = ':'::text) AND (length((client_secret_encrypted)::text) >= 76)))),
    CONSTRAINT ck_sso_config_enabled_complete CHECK (((enabled IS FALSE) OR ((protocol)::text = ANY ((ARRAY['saml'::character varying, 'ldap'::character varying])::text[])) OR (((protocol)::text = 'oidc'::text) AND (client_secret_encrypted IS NOT NULL) AND (((provider_settings ->> 'client_id'::text))::character varying IS NOT NULL) AND (length(TRIM(BOTH FROM ((provider_settings ->> 'client_id'::text))::character varying)) > 0) AND (((((provider_settings ->> 'discovery_url'::text))::character varying IS NOT NULL) AND (length(TRIM(BOTH FROM ((provider_settings ->> 'discovery_url'::text))::character varying)) > 0)) OR ((((provider_settings ->> 'authorization_endpoint'::text))::character varying IS NOT NULL) AND (length(TRIM(BOTH FROM ((provider_settings ->> 'authorization_endpoint'::text))::character varying)) > 0) AND (((provider_settings ->> 'token_endpoint'::text))::character varying IS NOT NULL) AND (length(TRIM(BOTH FROM ((provider_settings ->> 'token_endpoint'::text))::character varying)) > 0) AND (((provider_settings ->> 'jwks_uri'::text))::character varying IS NOT NULL) AND (length(TRIM(BOTH FROM ((provider_settings ->> 'jwks_uri'::text))::character varying)) > 0))) AND ((((provider_settings ->> 'discovery_url'::text))::character varying IS NULL) OR ((lower((((provider_settings ->> 'discovery_url'::text))::character varying)::text) ~~ 'http://%'::text) AND (length((((provider_settings ->> 'discovery_url'::text))::character varying)::text) > 7) AND (substr((((provider_settings ->> 'discovery_url'::text))::character varying)::text, 8, 1) <> ALL (ARRAY['/'::text, '\'::text, '?'::text, '#'::text, ':'::text])) AND (length((((provider_settings ->> 'discovery_url'::text))::character varying)::text) = length(replace((((provider_settings ->> 'discovery_url'::text))::character varying)::text, ' '::text, ''::text))) AND (length((((provider_settings ->> 'discovery_url'::text))::character varying)::text) = length(replace((((provider_settings ->> 'discovery_url'::text))::character varying)::text, '	'::text, ''::text))) AND (length((((provider_settings ->> 'discovery_url'::text))::character varying)::text) = length(replace((((provider_settings ->> 'discovery_url'::text))::character varying)::text, ''::text, ''::text))) AND (length((((provider_settings ->> 'discovery_url'::text))::character varying)::text) = length(replace((((provider_settings ->> 'discovery_url'::text))::character varying)::text, '
'::text, ''::text)))) OR ((lower((((provider_settings ->> 'discovery_url'::text))::character varying)::text) ~~ 'https://%'::text) AND (length((((provider_settings ->> 'discovery_url'::text))::character varying)::text) > 8) AND (substr((((provider_settings ->> 'discovery_url'::text))::character varying)::text, 9, 1) <> ALL (ARRAY['/'::text, '\'::text, '?'::text, '#'::text, ':'::text])) AND (length((((provider_settings ->> 'discovery_url'::text))::character varying)::text) = length(replace((((provider_settings ->> 'discovery_url'::text))::character varying)::text, ' '::text, ''::text))) AND (length((((provider_settings ->> 'discovery_url'::text))::character varying)::text) = length(replace((((provider_settings ->> 'discovery_url'::text))::character varying)::text, '	'::text, ''::text))) AND (length((((provider_settings ->> 'discovery_url'::text))::character varying)::text) = length(replace((((provider_settings ->> 'discovery_url'::text))::character varying)::text, ''::text, ''::text))) AND (length((((provider_settings ->> 'discovery_url'::text))::character varying)::text) = length(replace((((provider_settings ->> 'discovery_url'::text))::character varying)::text, '
'::text, ''::text))))) AND ((((provider_settings ->> 'token_endpoint'::text))::character varying IS NULL) OR ((lower((((provider_settings ->> 'token_endpoint'::text))::character varying)::text) ~~ 'http://%'::text) AND (length((((provider_settings ->> 'token_endpoint'::text))::character varying)::text) > 7) AND (substr((((provider_settings ->> 'token_endpoint'::text))::character varying)::text, 8, 1) <> ALL (ARRAY['/'::text, '\'::text, '?'::text, '#'::text, ':'::text])) AND (length((((provider_settings ->> 'token_endpoint'::text))::character varying)::text) = length(replace((((provider_settings ->> 'token_endpoint'::text))::character varying)::text, ' '::text, ''::text))) AND (length((((provider_settings ->> 'token_endpoint'::text))::character varying)::text) = length(replace((((provider_settings ->> 'token_endpoint'::text))::character varying)::text, '	'::text, ''::text))) AND (length((((provider_settings ->> 'token_endpoint'::text))::character varying)::text) = length(replace((((provider_settings ->> 'token_endpoint'::text))::character varying)::text, ''::text, ''::text))) AND (length((((provider_settings ->> 'token_endpoint'::text))::character varying)::text) = length(replace((((provider_settings ->> 'token_endpoint'::text))::character varying)::text, '
'::text, ''::text)))) OR ((lower((((provider_settings ->> 'token_endpoint'::text))::character varying)::text) ~~ 'https://%'::text) AND (length((((provider_settings ->> 'token_endpoint'::text))::character varying)::text) > 8) AND (substr((((provider_settings ->> 'token_endpoint'::text))::character varying)::text, 9, 1) <> ALL (ARRAY['/'::text, '\'::text, '?'::text, '#'::text, ':'::text])) AND (length((((provider_settings ->> 'token_endpoint'::text))::character varying)::text) = length(replace((((provider_settings ->> 'token_endpoint'::text))::character varying)::text, ' '::text, ''::text))) AND (length((((provider_settings ->> 'token_endpoint'::text))::character varying)::text) = length(replace((((provider_settings ->> 'token_endpoint'::text))::character varying)::text, '	'::text, ''::text))) AND (length((((provider_settings ->> 'token_endpoint'::text))::character varying)::text) = length(replace((((provider_settings ->> 'token_endpoint'::text))::character varying)::text, ''::text, ''::text))) AND (length((((provider_settings ->> 'token_endpoint'::text))::character varying)::text) = length(replace((((provider_settings ->> 'token_endpoint'::text))::character varying)::text, '
'::text, ''::text))))) AND ((((provider_settings ->> 'authorization_endpoint'::text))::character varying IS NULL) OR ((lower((((provider_settings ->> 'authorization_endpoint'::text))::character varying)::text) ~~ 'http://%'::text) AND (length((((provider_settings ->> 'authorization_endpoint'::text))::character varying)::text) > 7) AND (substr((((provider_settings ->> 'authorization_endpoint'::text))::character varying)::text, 8, 1) <> ALL (ARRAY['/'::text, '\'::text, '?'::text, '#'::text, ':'::text])) AND (length((((provider_settings ->> 'authorization_endpoint'::text))::character varying)::text) = length(replace((((provider_settings ->> 'authorization_endpoint'::text))::character varying)::text, ' '::text, ''::text))) AND (length((((provider_settings ->> 'authorization_endpoint'::text))::character varying)::text) = length(replace((((provider_settings ->> 'authorization_endpoint'::text))::character varying)::text, '	'::text, ''::text))) AND (length((((provider_settings ->> 'authorization_endpoint'::text))::character varying)::text) = length(replace((((provider_settings ->> 'authorization_endpoint'::text))::character varying)::text, ''::text, ''::text))) AND (length((((provider_settings ->> 'authorization_endpoint'::text))::character varying)::text) = length(replace((((provider_settings ->> 'authorization_endpoint'::text))::character varying)::text, '
'::text, ''::text)))) OR ((lower((((provider_settings ->> 'authorization_endpoint'::text))::character varying)::text) ~~ 'https://%'::text) AND (length((((provider_settings ->> 'authorization_endpoint'::text))::character varying)::text) > 8) AND (substr((((provider_settings ->> 'authorization_endpoint'::text))::character varying)::text, 9, 1) <> ALL (ARRAY['/'::text, '\'::text, '?'::text, '#'::text, ':'::text])) AND (length((((provider_settings ->> 'authorization_endpoint'::text))::character varying)::text) = length(replace((((provider_settings ->> 'authorization_endpoint'::text))::character varying)::text, ' '::text, ''::text))) AND (length((((provider_settings ->> 'authorization_endpoint'::text))::character varying)::text) = length(replace((((provider_settings ->> 'authorization_endpoint'::text))::character varying)::text, '	'::text, ''::text))) AND (length((((provider_settings ->> 'authorization_endpoint'::text))::character varying)::text) = length(replace((((provider_settings ->> 'authorization_endpoint'::text))::character varying)::text, ''::text, ''::text))) AND (length((((provider_settings ->> 'authorization_endpoint'::text))::character varying)::text) = length(replace((((provider_settings ->> 'authorization_endpoint'::text))::character varying)::text, '
'::text, ''::text))))) AND ((((provider_settings ->> 'jwks_uri'::text))::character varying IS NULL) OR ((lower((((provider_settings ->> 'jwks_uri'::text))::character varying)::text) ~~ 'http://%'::text) AND (length((((provider_settings ->> 'jwks_uri'::text))::character varying)::text) > 7) AND (substr((((provider_settings ->> 'jwks_uri'::text))::character varying)::text, 8, 1) <> ALL (ARRAY['/'::text, '\'::text, '?'::text, '#'::text, ':'::text])) AND (length((((provider_settings ->> 'jwks_uri'::text))::character varying)::text) = length(replace((((provider_settings ->> 'jwks_uri'::text))::character varying)::text, ' '::text, ''::text))) AND (length((((provider_settings ->> 'jwks_uri'::text))::character varying)::text) = length(replace((((provider_settings ->> 'jwks_uri'::text))::character varying)::text, '	'::text, ''::text))) AND (length((((provider_settings ->> 'jwks_uri'::text))::character varying)::text) = length(replace((((provider_settings ->> 'jwks_uri'::text))::character varying)::text, ''::text, ''::text))) AND (length((((provider_settings ->> 'jwks_uri'::text))::character varying)::text) = length(replace((((provider_settings ->> 'jwks_uri'::text))::character varying)::text, '
'::text, ''::text)))) OR ((lower((((provider_settings ->> 'jwks_uri'::text))::character varying)::text) ~~ 'https://%'::text) AND (length((((provider_settings ->> 'jwks_uri'::text))::character varying)::text) > 8) AND (substr((((provider_settings ->> 'jwks_uri'::text))::character varying)::text, 9, 1) <> ALL (ARRAY['/'::text, '\'::text, '?'::text, '#'::text, ':'::text])) AND (length((((provider_settings ->> 'jwks_uri'::text))::character varying)::text) = length(replace((((provider_settings ->> 'jwks_uri'::text))::character varying)::text, ' '::text, ''::text))) AND (length((((provider_settings ->> 'jwks_uri'::text))::character varying)::text) = length(replace((((provider_settings ->> 'jwks_uri'::text))::character varying)::text, '	'::text, ''::text))) AND (length((((provider_settings ->> 'jwks_uri'::text))::character varying)::text) = length(replace((((provider_settings ->> 'jwks_uri'::text))::character varying)::text, ''::text, ''::text))) AND (length((((provider_settings ->> 'jwks_uri'::text))::character varying)::text) = length(replace((((provider_settings ->> 'jwks_uri'::text))::character varying)::text, '
'::text, ''::text))))) AND ((((provider_settings ->> 'issuer'::text))::character varying IS NULL) OR ((lower((((provider_settings ->> 'issuer'::text))::character varying)::text) ~~ 'http://%'::text) AND (length((((provider_settings ->> 'issuer'::text))::character varying)::text) > 7) AND (substr((((provider_settings ->> 'issuer'::text))::character varying)::text, 8, 1) <> ALL (ARRAY['/'::text, '\'::text, '?'::text, '#'::text, ':'::text])) AND (length((((provider_settings ->> 'issuer'::text))::character varying)::text) = length(replace((((provider_settings ->> 'issuer'::text))::character varying)::text, ' '::text, ''::text))) AND (length((((provider_settings ->> 'issuer'::text))::character varying)::text) = length(replace((((provider_settings ->> 'issuer'::text))::character varying)::text, '	'::text, ''::text))) AND (length((((provider_settings ->> 'issuer'::text))::character varying)::text) = length(replace((((provider_settings ->> 'issuer'::text))::character varying)::text, ''::text, ''::text))) AND (length((((provider_settings ->> 'issuer'::text))::character varying)::text) = length(replace((((provider_settings ->> 'issuer'::text))::character varying)::text, '
'::text, ''::text)))) OR ((lower((((provider_settings ->> 'issuer'::text))::character varying)::text) ~~ 'https://%'::text) AND (length((((provider_settings ->> 'issuer'::text))::character varying)::text) > 8) AND (substr((((provider_settings ->> 'issuer'::text))::character varying)::text, 9, 1) <> ALL (ARRAY['/'::text, '\'::text, '?'::text, '#'::text, ':'::text])) AND (length((((provider_settings ->> 'issuer'::text))::character varying)::text) = length(replace((((provider_settings ->> 'issuer'::text))::character varying)::text, ' '::text, ''::text))) AND (length((((provider_settings ->> 'issuer'::text))::character varying)::text) = length(replace((((provider_settings ->> 'issuer'::text))::character varying)::text, '	'::text, ''::text))) AND (length((((provider_settings ->> 'issuer'::text))::character varying)::text) = length(replace((((provider_settings ->> 'issuer'::text))::character varying)::text, ''::text, ''::text))) AND (length((((provider_settings ->> 'issuer'::text))::character varying)::text) = length(replace((((provider_settings ->> 'issuer'::text))::character varying)::text, '
'::text, ''::text)))))))),
    CONSTRAINT ck_sso_config_protocol_consistency CHECK ((((protocol)::text = ANY ((ARRAY['oidc'::character varying, 'saml'::character varying, 'ldap'::character varying])::text[])) AND (((provider_settings ->> 'protocol'::text))::character varying IS NOT NULL) AND ((((provider_settings ->> 'protocol'::text))::character varying)::text = (protocol)::text)))
);


--
-- Name: sso_settings; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sso_settings (
    id integer NOT NULL,
    enforce_sso boolean NOT NULL,
    CONSTRAINT ck_sso_settings_singleton CHECK ((id = 1))
);


--
-- Name: sso_user_profile; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.sso_user_profile (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    sso_provider character varying NOT NULL,
    sso_user_id character varying NOT NULL,
    email character varying,
    first_name character varying,
    last_name character varying,
    picture character varying,
    sso_last_login_at timestamp without time zone,
    created_at timestamp without time zone NOT NULL,
    updated_at timestamp without time zone NOT NULL
);


--
-- Name: trace; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.trace (
    name character varying NOT NULL,
    status public.spanstatus NOT NULL,
    start_time timestamp without time zone NOT NULL,
    end_time timestamp without time zone,
    total_latency_ms integer NOT NULL,
    total_tokens integer NOT NULL,
    flow_id uuid NOT NULL,
    session_id character varying,
    id uuid NOT NULL
);


--
-- Name: transaction; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.transaction (
    "timestamp" timestamp without time zone NOT NULL,
    vertex_id character varying NOT NULL,
    target_id character varying,
    inputs json,
    outputs json,
    status character varying NOT NULL,
    id uuid NOT NULL,
    flow_id uuid NOT NULL,
    error character varying
);


--
-- Name: user; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public."user" (
    id uuid NOT NULL,
    username character varying NOT NULL,
    password character varying NOT NULL,
    profile_image character varying,
    is_active boolean NOT NULL,
    is_superuser boolean NOT NULL,
    create_at timestamp without time zone NOT NULL,
    updated_at timestamp without time zone NOT NULL,
    last_login_at timestamp without time zone,
    store_api_key character varying,
    optins json
);


--
-- Name: variable; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.variable (
    name character varying NOT NULL,
    value character varying NOT NULL,
    type character varying,
    id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now(),
    updated_at timestamp with time zone,
    is_environment_managed boolean,
    default_fields json,
    user_id uuid NOT NULL
);


--
-- Name: vertex_build; Type: TABLE; Schema: public; Owner: -
--

CREATE TABLE public.vertex_build (
    "timestamp" timestamp without time zone NOT NULL,
    id character varying NOT NULL,
    data json,
    artifacts json,
    params text,
    build_id uuid NOT NULL,
    flow_id uuid NOT NULL,
    valid boolean NOT NULL,
    job_id uuid
);


--
-- Name: casbin_rule id; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.casbin_rule ALTER COLUMN id SET DEFAULT nextval('public.casbin_rule_id_seq'::regclass);


--
-- Name: policy_bundle_revision revision; Type: DEFAULT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.policy_bundle_revision ALTER COLUMN revision SET DEFAULT nextval('public.policy_bundle_revision_revision_seq'::regclass);


--
-- Data for Name: a2a_checkpoints; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.a2a_checkpoints (run_id, checkpoint) FROM stdin;
\.


--
-- Data for Name: a2a_tasks; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.a2a_tasks (id, owner, task, created_at, updated_at) FROM stdin;
\.


--
-- Data for Name: alembic_version; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.alembic_version (version_num) FROM stdin;
386662af02e9
\.


--
-- Data for Name: apikey; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.apikey (name, last_used_at, total_uses, is_active, expires_at, id, created_at, api_key, api_key_hash, user_id) FROM stdin;
\.


--
-- Data for Name: authz_audit_log; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.authz_audit_log (id, user_id, actor_type, actor_id, action, resource_type, resource_id, result, details, "timestamp") FROM stdin;
\.


--
-- Data for Name: authz_edit_lock; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.authz_edit_lock (id, flow_id, holder_user_id, acquired_at, expires_at) FROM stdin;
\.


--
-- Data for Name: authz_role; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.authz_role (id, name, description, is_system, permissions, parent_role_id, workspace_id, created_at, updated_at, created_by) FROM stdin;
4003ee22-5999-4b80-a941-97485085e6ab	viewer	Read-only access to flows, deployments, projects, and supporting resources.	t	["flow:read", "flow:execute", "deployment:read", "project:read", "knowledge_base:read", "variable:read", "file:read"]	\N	\N	2026-11-27 20:01:33.724282+00	2026-11-27 20:01:33.724282+00	\N
62b7fd3d-4ba0-43f2-837e-51dd1b77af17	developer	Author and execute flows; manage variables, knowledge bases, and files.	t	["flow:read", "flow:execute", "deployment:read", "project:read", "knowledge_base:read", "variable:read", "file:read", "flow:write", "flow:create", "deployment:write", "deployment:create", "deployment:execute", "project:write", "project:create", "knowledge_base:write", "knowledge_base:create", "knowledge_base:ingest", "variable:write", "variable:create", "file:write", "file:create"]	\N	\N	2026-11-27 20:01:33.724282+00	2026-11-27 20:01:33.724282+00	\N
6bd30ec3-d945-4d03-b7f8-7814c7587141	admin	Full management of resources and shares within the workspace.	t	["flow:read", "flow:execute", "deployment:read", "project:read", "knowledge_base:read", "variable:read", "file:read", "flow:write", "flow:create", "deployment:write", "deployment:create", "deployment:execute", "project:write", "project:create", "knowledge_base:write", "knowledge_base:create", "knowledge_base:ingest", "variable:write", "variable:create", "file:write", "file:create", "flow:delete", "flow:deploy", "deployment:delete", "project:delete", "knowledge_base:delete", "variable:delete", "file:delete", "share:read", "share:create", "share:update", "share:delete"]	\N	\N	2026-11-27 20:01:33.724282+00	2026-11-27 20:01:33.724282+00	\N
\.


--
-- Data for Name: authz_role_assignment; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.authz_role_assignment (id, user_id, role_id, domain_type, domain_id, assigned_at, assigned_by) FROM stdin;
\.


--
-- Data for Name: authz_role_assignment_grant; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.authz_role_assignment_grant (id, assignment_id, source_kind, provider_id, external_group, administrative_actor, created_at, updated_at) FROM stdin;
\.


--
-- Data for Name: authz_share; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.authz_share (id, resource_type, resource_id, scope, target_id, permission_level, created_by, created_at) FROM stdin;
\.


--
-- Data for Name: authz_team; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.authz_team (id, team_name, adom_name, description, is_active, created_at, updated_at) FROM stdin;
\.


--
-- Data for Name: authz_team_member; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.authz_team_member (id, team_id, user_id, source, created_at) FROM stdin;
\.


--
-- Data for Name: casbin_rule; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.casbin_rule (id, ptype, v0, v1, v2, v3, v4, v5) FROM stdin;
\.


--
-- Data for Name: catalog_policy_rule; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.catalog_policy_rule (id, resource_kind, resource_key, mode, scope, domain_id, created_by, created_at, updated_at) FROM stdin;
\.


--
-- Data for Name: deployment; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.deployment (id, resource_key, user_id, project_id, deployment_provider_account_id, workspace_id, display_name, description, created_at, updated_at, deployment_type) FROM stdin;
\.


--
-- Data for Name: deployment_provider_account; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.deployment_provider_account (id, user_id, provider_tenant_id, name, provider_url, api_key, created_at, updated_at, provider_key) FROM stdin;
\.


--
-- Data for Name: execution_signals; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.execution_signals (id, job_id, signal_type, data, created_at, consumed_at) FROM stdin;
\.


--
-- Data for Name: file; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.file (id, user_id, name, path, size, provider, created_at, updated_at) FROM stdin;
\.


--
-- Data for Name: flow; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.flow (name, description, icon_bg_color, gradient, is_component, updated_at, webhook, endpoint_name, data, mcp_enabled, action_name, action_description, access_type, flow_type, a2a_enabled, a2a_card_overrides, id, user_id, icon, tags, locked, folder_id, workspace_id, fs_path) FROM stdin;
\.


--
-- Data for Name: flow_version; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.flow_version (id, flow_id, user_id, data, version_number, description, created_at) FROM stdin;
\.


--
-- Data for Name: flow_version_deployment_attachment; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.flow_version_deployment_attachment (id, user_id, flow_version_id, deployment_id, provider_snapshot_id, created_at, updated_at) FROM stdin;
\.


--
-- Data for Name: folder; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.folder (name, description, auth_settings, id, parent_id, user_id, workspace_id) FROM stdin;
\.


--
-- Data for Name: ingestion_run; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.ingestion_run (id, job_id, kb_name, kb_id, user_id, source_type, source_config, status, error_message, total_items, succeeded, failed, skipped, total_bytes, chunks_created, items, user_metadata, started_at, finished_at) FROM stdin;
\.


--
-- Data for Name: job; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.job (job_id, flow_id, status, created_timestamp, finished_timestamp, type, user_id, asset_id, asset_type, dedupe_key, job_metadata, result, error) FROM stdin;
\.


--
-- Data for Name: job_checkpoints; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.job_checkpoints (id, job_id, kind, blob, created_at, updated_at) FROM stdin;
\.


--
-- Data for Name: job_events; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.job_events (id, job_id, seq, event_type, payload, created_at) FROM stdin;
\.


--
-- Data for Name: knowledge_base; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.knowledge_base (id, name, user_id, model_selection, chunk_size, chunk_overlap, separator, column_config, backend_type, backend_config, chunks, words, characters, size_bytes, source_types, status, failure_reason, created_at, updated_at) FROM stdin;
\.


--
-- Data for Name: mcp_server; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.mcp_server (id, user_id, name, transport, config, enabled, version, created_at, updated_at) FROM stdin;
\.


--
-- Data for Name: memory_base; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.memory_base (name, flow_id, user_id, threshold, auto_capture, embedding_model, preprocessing, preproc_model, preproc_instructions, preproc_kill_phrase, id, kb_name, created_at) FROM stdin;
\.


--
-- Data for Name: memory_base_preprocessing_output; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.memory_base_preprocessing_output (id, memory_base_id, session_id, job_id, status, output_text, source_message_ids, model_used, created_at, updated_at) FROM stdin;
\.


--
-- Data for Name: memory_base_session; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.memory_base_session (session_id, cursor_id, total_processed, last_sync_at, id, memory_base_id) FROM stdin;
\.


--
-- Data for Name: memory_base_workflow_run; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.memory_base_workflow_run (id, memory_base_id, session_id, workflow_job_id, ingestion_job_id, recorded_at) FROM stdin;
\.


--
-- Data for Name: message; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.message ("timestamp", sender, sender_name, session_id, text, id, flow_id, files, error, edit, properties, category, content_blocks, context_id, session_metadata, run_id, is_output, user_id) FROM stdin;
\.


--
-- Data for Name: message_ingestion_record; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.message_ingestion_record (id, message_id, memory_base_id, job_id, session_id, ingested_at) FROM stdin;
\.


--
-- Data for Name: model_provider_policy; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.model_provider_policy (id, approved_provider_ids, version) FROM stdin;
1	[]	0
\.


--
-- Data for Name: policy_bundle_active; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.policy_bundle_active (id, revision, initialized, updated_at) FROM stdin;
1	1	f	2026-11-27 20:01:34.018006+00
\.


--
-- Data for Name: policy_bundle_revision; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.policy_bundle_revision (revision, initialized, approved_provider_ids, blocked_component_keys, blocked_template_keys, blocked_model_keys, content_hash, source, created_by, created_at, reason, rollback_of_revision) FROM stdin;
1	f	[]	[]	[]	[]	ef74cccb21593ac02fc514e669c911768e740b1135d7a91d3fb15f72837ab762	migration	\N	2026-11-27 20:01:34.018006+00	Migrated existing provider and catalog policy	\N
\.


--
-- Data for Name: span; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.span (name, span_type, status, start_time, end_time, latency_ms, inputs, outputs, error, span_kind, attributes, id, trace_id, parent_span_id) FROM stdin;
\.


--
-- Data for Name: sso_config; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.sso_config (id, slug, display_name, protocol, enabled, sort_order, client_secret_encrypted, provider_settings, email_claim, username_claim, user_id_claim, created_at, updated_at, created_by, updated_by) FROM stdin;
\.


--
-- Data for Name: sso_settings; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.sso_settings (id, enforce_sso) FROM stdin;
1	f
\.


--
-- Data for Name: sso_user_profile; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.sso_user_profile (id, user_id, sso_provider, sso_user_id, email, first_name, last_name, picture, sso_last_login_at, created_at, updated_at) FROM stdin;
\.


--
-- Data for Name: trace; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.trace (name, status, start_time, end_time, total_latency_ms, total_tokens, flow_id, session_id, id) FROM stdin;
\.


--
-- Data for Name: transaction; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.transaction ("timestamp", vertex_id, target_id, inputs, outputs, status, id, flow_id, error) FROM stdin;
\.


--
-- Data for Name: variable; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.variable (name, value, type, id, created_at, updated_at, is_environment_managed, default_fields, user_id) FROM stdin;
\.


--
-- Data for Name: vertex_build; Type: TABLE DATA; Schema: public; Owner: -
--

COPY public.vertex_build ("timestamp", id, data, artifacts, params, build_id, flow_id, valid, job_id) FROM stdin;
\.


--
-- Name: casbin_rule_id_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.casbin_rule_id_seq', 1, false);


--
-- Name: policy_bundle_revision_revision_seq; Type: SEQUENCE SET; Schema: public; Owner: -
--

SELECT pg_catalog.setval('public.policy_bundle_revision_revision_seq', 1, false);


--
-- Name: a2a_checkpoints a2a_checkpoints_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.a2a_checkpoints
    ADD CONSTRAINT a2a_checkpoints_pkey PRIMARY KEY (run_id);


--
-- Name: a2a_tasks a2a_tasks_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.a2a_tasks
    ADD CONSTRAINT a2a_tasks_pkey PRIMARY KEY (id, owner);


--
-- Name: alembic_version alembic_version_pkc; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);


--
-- Name: apikey apikey_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.apikey
    ADD CONSTRAINT apikey_pkey PRIMARY KEY (id);


--
-- Name: authz_audit_log authz_audit_log_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.authz_audit_log
    ADD CONSTRAINT authz_audit_log_pkey PRIMARY KEY (id);


--
-- Name: authz_edit_lock authz_edit_lock_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.authz_edit_lock
    ADD CONSTRAINT authz_edit_lock_pkey PRIMARY KEY (id);


--
-- Name: authz_role_assignment_grant authz_role_assignment_grant_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.authz_role_assignment_grant
    ADD CONSTRAINT authz_role_assignment_grant_pkey PRIMARY KEY (id);


--
-- Name: authz_role_assignment authz_role_assignment_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.authz_role_assignment
    ADD CONSTRAINT authz_role_assignment_pkey PRIMARY KEY (id);


--
-- Name: authz_role authz_role_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.authz_role
    ADD CONSTRAINT authz_role_pkey PRIMARY KEY (id);


--
-- Name: authz_share authz_share_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.authz_share
    ADD CONSTRAINT authz_share_pkey PRIMARY KEY (id);


--
-- Name: authz_team_member authz_team_member_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.authz_team_member
    ADD CONSTRAINT authz_team_member_pkey PRIMARY KEY (id);


--
-- Name: authz_team authz_team_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.authz_team
    ADD CONSTRAINT authz_team_pkey PRIMARY KEY (id);


--
-- Name: casbin_rule casbin_rule_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.casbin_rule
    ADD CONSTRAINT casbin_rule_pkey PRIMARY KEY (id);


--
-- Name: catalog_policy_rule catalog_policy_rule_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.catalog_policy_rule
    ADD CONSTRAINT catalog_policy_rule_pkey PRIMARY KEY (id);


--
-- Name: deployment deployment_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.deployment
    ADD CONSTRAINT deployment_pkey PRIMARY KEY (id);


--
-- Name: deployment_provider_account deployment_provider_account_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.deployment_provider_account
    ADD CONSTRAINT deployment_provider_account_pkey PRIMARY KEY (id);


--
-- Name: execution_signals execution_signals_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.execution_signals
    ADD CONSTRAINT execution_signals_pkey PRIMARY KEY (id);


--
-- Name: file file_name_user_id_key; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.file
    ADD CONSTRAINT file_name_user_id_key UNIQUE (name, user_id);


--
-- Name: file file_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.file
    ADD CONSTRAINT file_pkey PRIMARY KEY (id);


--
-- Name: flow flow_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.flow
    ADD CONSTRAINT flow_pkey PRIMARY KEY (id);


--
-- Name: flow_version_deployment_attachment flow_version_deployment_attachment_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.flow_version_deployment_attachment
    ADD CONSTRAINT flow_version_deployment_attachment_pkey PRIMARY KEY (id);


--
-- Name: flow_version flow_version_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.flow_version
    ADD CONSTRAINT flow_version_pkey PRIMARY KEY (id);


--
-- Name: folder folder_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.folder
    ADD CONSTRAINT folder_pkey PRIMARY KEY (id);


--
-- Name: ingestion_run ingestion_run_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.ingestion_run
    ADD CONSTRAINT ingestion_run_pkey PRIMARY KEY (id);


--
-- Name: job_checkpoints job_checkpoints_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.job_checkpoints
    ADD CONSTRAINT job_checkpoints_pkey PRIMARY KEY (id);


--
-- Name: job_events job_events_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.job_events
    ADD CONSTRAINT job_events_pkey PRIMARY KEY (id);


--
-- Name: job job_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.job
    ADD CONSTRAINT job_pkey PRIMARY KEY (job_id);


--
-- Name: knowledge_base knowledge_base_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.knowledge_base
    ADD CONSTRAINT knowledge_base_pkey PRIMARY KEY (id);


--
-- Name: mcp_server mcp_server_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.mcp_server
    ADD CONSTRAINT mcp_server_pkey PRIMARY KEY (id);


--
-- Name: memory_base memory_base_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.memory_base
    ADD CONSTRAINT memory_base_pkey PRIMARY KEY (id);


--
-- Name: memory_base_preprocessing_output memory_base_preprocessing_output_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.memory_base_preprocessing_output
    ADD CONSTRAINT memory_base_preprocessing_output_pkey PRIMARY KEY (id);


--
-- Name: memory_base_session memory_base_session_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.memory_base_session
    ADD CONSTRAINT memory_base_session_pkey PRIMARY KEY (id);


--
-- Name: memory_base_workflow_run memory_base_workflow_run_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.memory_base_workflow_run
    ADD CONSTRAINT memory_base_workflow_run_pkey PRIMARY KEY (id);


--
-- Name: message_ingestion_record message_ingestion_record_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.message_ingestion_record
    ADD CONSTRAINT message_ingestion_record_pkey PRIMARY KEY (id);


--
-- Name: model_provider_policy model_provider_policy_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.model_provider_policy
    ADD CONSTRAINT model_provider_policy_pkey PRIMARY KEY (id);


--
-- Name: message pk_message; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.message
    ADD CONSTRAINT pk_message PRIMARY KEY (id);


--
-- Name: transaction pk_transaction; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.transaction
    ADD CONSTRAINT pk_transaction PRIMARY KEY (id);


--
-- Name: vertex_build pk_vertex_build; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.vertex_build
    ADD CONSTRAINT pk_vertex_build PRIMARY KEY (build_id);


--
-- Name: policy_bundle_active policy_bundle_active_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.policy_bundle_active
    ADD CONSTRAINT policy_bundle_active_pkey PRIMARY KEY (id);


--
-- Name: policy_bundle_revision policy_bundle_revision_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.policy_bundle_revision
    ADD CONSTRAINT policy_bundle_revision_pkey PRIMARY KEY (revision);


--
-- Name: span span_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.span
    ADD CONSTRAINT span_pkey PRIMARY KEY (id);


--
-- Name: sso_config sso_config_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sso_config
    ADD CONSTRAINT sso_config_pkey PRIMARY KEY (id);


--
-- Name: sso_settings sso_settings_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sso_settings
    ADD CONSTRAINT sso_settings_pkey PRIMARY KEY (id);


--
-- Name: sso_user_profile sso_user_profile_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sso_user_profile
    ADD CONSTRAINT sso_user_profile_pkey PRIMARY KEY (id);


--
-- Name: trace trace_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.trace
    ADD CONSTRAINT trace_pkey PRIMARY KEY (id);


--
-- Name: flow unique_flow_endpoint_name; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.flow
    ADD CONSTRAINT unique_flow_endpoint_name UNIQUE (user_id, endpoint_name);


--
-- Name: flow unique_flow_name; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.flow
    ADD CONSTRAINT unique_flow_name UNIQUE (user_id, name);


--
-- Name: flow_version unique_flow_version_number; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.flow_version
    ADD CONSTRAINT unique_flow_version_number UNIQUE (flow_id, version_number);


--
-- Name: folder unique_folder_name; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.folder
    ADD CONSTRAINT unique_folder_name UNIQUE (user_id, name);


--
-- Name: apikey uq_apikey_id; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.apikey
    ADD CONSTRAINT uq_apikey_id UNIQUE (id);


--
-- Name: authz_team_member uq_authz_team_member; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.authz_team_member
    ADD CONSTRAINT uq_authz_team_member UNIQUE (team_id, user_id);


--
-- Name: deployment_provider_account uq_deployment_provider_account_provider_name; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.deployment_provider_account
    ADD CONSTRAINT uq_deployment_provider_account_provider_name UNIQUE (user_id, provider_key, name);


--
-- Name: deployment_provider_account uq_deployment_provider_account_user_url_tenant; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.deployment_provider_account
    ADD CONSTRAINT uq_deployment_provider_account_user_url_tenant UNIQUE (user_id, provider_url, provider_tenant_id);


--
-- Name: deployment uq_deployment_resource_key_in_provider; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.deployment
    ADD CONSTRAINT uq_deployment_resource_key_in_provider UNIQUE (deployment_provider_account_id, resource_key);


--
-- Name: flow uq_flow_id; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.flow
    ADD CONSTRAINT uq_flow_id UNIQUE (id);


--
-- Name: flow_version_deployment_attachment uq_flow_version_deployment; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.flow_version_deployment_attachment
    ADD CONSTRAINT uq_flow_version_deployment UNIQUE (flow_version_id, deployment_id);


--
-- Name: job_checkpoints uq_job_checkpoints_job_id_kind; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.job_checkpoints
    ADD CONSTRAINT uq_job_checkpoints_job_id_kind UNIQUE (job_id, kind);


--
-- Name: job_events uq_job_events_job_id_seq; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.job_events
    ADD CONSTRAINT uq_job_events_job_id_seq UNIQUE (job_id, seq);


--
-- Name: knowledge_base uq_knowledge_base_user_name; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.knowledge_base
    ADD CONSTRAINT uq_knowledge_base_user_name UNIQUE (user_id, name);


--
-- Name: memory_base_workflow_run uq_mbwr_mb_session_wf_job; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.memory_base_workflow_run
    ADD CONSTRAINT uq_mbwr_mb_session_wf_job UNIQUE (memory_base_id, session_id, workflow_job_id);


--
-- Name: mcp_server uq_mcp_server_name_user; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.mcp_server
    ADD CONSTRAINT uq_mcp_server_name_user UNIQUE (user_id, name);


--
-- Name: memory_base_session uq_memory_base_session; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.memory_base_session
    ADD CONSTRAINT uq_memory_base_session UNIQUE (memory_base_id, session_id);


--
-- Name: memory_base uq_memory_base_user_name; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.memory_base
    ADD CONSTRAINT uq_memory_base_user_name UNIQUE (user_id, name);


--
-- Name: message_ingestion_record uq_mir_message_session_mb; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.message_ingestion_record
    ADD CONSTRAINT uq_mir_message_session_mb UNIQUE (message_id, session_id, memory_base_id);


--
-- Name: user uq_user_id; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public."user"
    ADD CONSTRAINT uq_user_id UNIQUE (id);


--
-- Name: user user_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public."user"
    ADD CONSTRAINT user_pkey PRIMARY KEY (id);


--
-- Name: variable variable_pkey; Type: CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.variable
    ADD CONSTRAINT variable_pkey PRIMARY KEY (id);


--
-- Name: ix_apikey_api_key; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX ix_apikey_api_key ON public.apikey USING btree (api_key);


--
-- Name: ix_apikey_api_key_hash; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_apikey_api_key_hash ON public.apikey USING btree (api_key_hash);


--
-- Name: ix_apikey_name; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_apikey_name ON public.apikey USING btree (name);


--
-- Name: ix_apikey_user_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_apikey_user_id ON public.apikey USING btree (user_id);


--
-- Name: ix_authz_audit_log_action; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_authz_audit_log_action ON public.authz_audit_log USING btree (action);


--
-- Name: ix_authz_audit_log_actor_timestamp; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_authz_audit_log_actor_timestamp ON public.authz_audit_log USING btree (actor_id, "timestamp");


--
-- Name: ix_authz_audit_log_actor_type_timestamp; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_authz_audit_log_actor_type_timestamp ON public.authz_audit_log USING btree (actor_type, "timestamp");


--
-- Name: ix_authz_audit_log_resource; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_authz_audit_log_resource ON public.authz_audit_log USING btree (resource_type, resource_id);


--
-- Name: ix_authz_audit_log_timestamp; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_authz_audit_log_timestamp ON public.authz_audit_log USING btree ("timestamp");


--
-- Name: ix_authz_audit_log_user_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_authz_audit_log_user_id ON public.authz_audit_log USING btree (user_id);


--
-- Name: ix_authz_audit_log_user_timestamp; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_authz_audit_log_user_timestamp ON public.authz_audit_log USING btree (user_id, "timestamp");


--
-- Name: ix_authz_edit_lock_expires_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_authz_edit_lock_expires_at ON public.authz_edit_lock USING btree (expires_at);


--
-- Name: ix_authz_edit_lock_flow_id; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX ix_authz_edit_lock_flow_id ON public.authz_edit_lock USING btree (flow_id);


--
-- Name: ix_authz_role_assignment_domain_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_authz_role_assignment_domain_id ON public.authz_role_assignment USING btree (domain_id);


--
-- Name: ix_authz_role_assignment_grant_assignment_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_authz_role_assignment_grant_assignment_id ON public.authz_role_assignment_grant USING btree (assignment_id);


--
-- Name: ix_authz_role_assignment_grant_provider_group; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_authz_role_assignment_grant_provider_group ON public.authz_role_assignment_grant USING btree (provider_id, external_group);


--
-- Name: ix_authz_role_assignment_role_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_authz_role_assignment_role_id ON public.authz_role_assignment USING btree (role_id);


--
-- Name: ix_authz_role_assignment_user_domain; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_authz_role_assignment_user_domain ON public.authz_role_assignment USING btree (user_id, domain_type, domain_id);


--
-- Name: ix_authz_role_assignment_user_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_authz_role_assignment_user_id ON public.authz_role_assignment USING btree (user_id);


--
-- Name: ix_authz_role_name; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX ix_authz_role_name ON public.authz_role USING btree (name);


--
-- Name: ix_authz_role_workspace_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_authz_role_workspace_id ON public.authz_role USING btree (workspace_id);


--
-- Name: ix_authz_share_resource; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_authz_share_resource ON public.authz_share USING btree (resource_type, resource_id);


--
-- Name: ix_authz_share_resource_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_authz_share_resource_id ON public.authz_share USING btree (resource_id);


--
-- Name: ix_authz_share_resource_type; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_authz_share_resource_type ON public.authz_share USING btree (resource_type);


--
-- Name: ix_authz_share_scope; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_authz_share_scope ON public.authz_share USING btree (scope);


--
-- Name: ix_authz_share_target_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_authz_share_target_id ON public.authz_share USING btree (target_id);


--
-- Name: ix_authz_team_adom_name; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX ix_authz_team_adom_name ON public.authz_team USING btree (adom_name);


--
-- Name: ix_authz_team_member_team_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_authz_team_member_team_id ON public.authz_team_member USING btree (team_id);


--
-- Name: ix_authz_team_member_user_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_authz_team_member_user_id ON public.authz_team_member USING btree (user_id);


--
-- Name: ix_authz_team_team_name; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_authz_team_team_name ON public.authz_team USING btree (team_name);


--
-- Name: ix_casbin_rule_ptype; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_casbin_rule_ptype ON public.casbin_rule USING btree (ptype);


--
-- Name: ix_deployment_deployment_provider_account_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_deployment_deployment_provider_account_id ON public.deployment USING btree (deployment_provider_account_id);


--
-- Name: ix_deployment_deployment_type; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_deployment_deployment_type ON public.deployment USING btree (deployment_type);


--
-- Name: ix_deployment_project_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_deployment_project_id ON public.deployment USING btree (project_id);


--
-- Name: ix_deployment_provider_account_provider_key; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_deployment_provider_account_provider_key ON public.deployment_provider_account USING btree (provider_key);


--
-- Name: ix_deployment_provider_account_provider_tenant_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_deployment_provider_account_provider_tenant_id ON public.deployment_provider_account USING btree (provider_tenant_id);


--
-- Name: ix_deployment_provider_account_user_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_deployment_provider_account_user_id ON public.deployment_provider_account USING btree (user_id);


--
-- Name: ix_deployment_resource_key; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_deployment_resource_key ON public.deployment USING btree (resource_key);


--
-- Name: ix_deployment_user_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_deployment_user_id ON public.deployment USING btree (user_id);


--
-- Name: ix_deployment_workspace_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_deployment_workspace_id ON public.deployment USING btree (workspace_id);


--
-- Name: ix_execution_signals_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_execution_signals_id ON public.execution_signals USING btree (id);


--
-- Name: ix_execution_signals_job_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_execution_signals_job_id ON public.execution_signals USING btree (job_id);


--
-- Name: ix_flow_description; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_flow_description ON public.flow USING btree (description);


--
-- Name: ix_flow_endpoint_name; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_flow_endpoint_name ON public.flow USING btree (endpoint_name);


--
-- Name: ix_flow_folder_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_flow_folder_id ON public.flow USING btree (folder_id);


--
-- Name: ix_flow_name; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_flow_name ON public.flow USING btree (name);


--
-- Name: ix_flow_user_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_flow_user_id ON public.flow USING btree (user_id);


--
-- Name: ix_flow_version_created_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_flow_version_created_at ON public.flow_version USING btree (created_at);


--
-- Name: ix_flow_version_deployment_attachment_deployment_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_flow_version_deployment_attachment_deployment_id ON public.flow_version_deployment_attachment USING btree (deployment_id);


--
-- Name: ix_flow_version_deployment_attachment_flow_version_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_flow_version_deployment_attachment_flow_version_id ON public.flow_version_deployment_attachment USING btree (flow_version_id);


--
-- Name: ix_flow_version_deployment_attachment_provider_snapshot_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_flow_version_deployment_attachment_provider_snapshot_id ON public.flow_version_deployment_attachment USING btree (provider_snapshot_id);


--
-- Name: ix_flow_version_deployment_attachment_user_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_flow_version_deployment_attachment_user_id ON public.flow_version_deployment_attachment USING btree (user_id);


--
-- Name: ix_flow_version_flow_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_flow_version_flow_id ON public.flow_version USING btree (flow_id);


--
-- Name: ix_flow_version_user_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_flow_version_user_id ON public.flow_version USING btree (user_id);


--
-- Name: ix_flow_workspace_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_flow_workspace_id ON public.flow USING btree (workspace_id);


--
-- Name: ix_folder_name; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_folder_name ON public.folder USING btree (name);


--
-- Name: ix_folder_workspace_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_folder_workspace_id ON public.folder USING btree (workspace_id);


--
-- Name: ix_ingestion_run_job_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_ingestion_run_job_id ON public.ingestion_run USING btree (job_id);


--
-- Name: ix_ingestion_run_kb_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_ingestion_run_kb_id ON public.ingestion_run USING btree (kb_id);


--
-- Name: ix_ingestion_run_kb_name; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_ingestion_run_kb_name ON public.ingestion_run USING btree (kb_name);


--
-- Name: ix_ingestion_run_source_type; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_ingestion_run_source_type ON public.ingestion_run USING btree (source_type);


--
-- Name: ix_ingestion_run_started_at; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_ingestion_run_started_at ON public.ingestion_run USING btree (started_at);


--
-- Name: ix_ingestion_run_status; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_ingestion_run_status ON public.ingestion_run USING btree (status);


--
-- Name: ix_ingestion_run_user_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_ingestion_run_user_id ON public.ingestion_run USING btree (user_id);


--
-- Name: ix_job_asset_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_job_asset_id ON public.job USING btree (asset_id);


--
-- Name: ix_job_checkpoints_job_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_job_checkpoints_job_id ON public.job_checkpoints USING btree (job_id);


--
-- Name: ix_job_dedupe_key; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_job_dedupe_key ON public.job USING btree (dedupe_key);


--
-- Name: ix_job_events_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_job_events_id ON public.job_events USING btree (id);


--
-- Name: ix_job_events_job_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_job_events_job_id ON public.job_events USING btree (job_id);


--
-- Name: ix_job_flow_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_job_flow_id ON public.job USING btree (flow_id);


--
-- Name: ix_job_job_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_job_job_id ON public.job USING btree (job_id);


--
-- Name: ix_job_type; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_job_type ON public.job USING btree (type);


--
-- Name: ix_job_user_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_job_user_id ON public.job USING btree (user_id);


--
-- Name: ix_knowledge_base_name; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_knowledge_base_name ON public.knowledge_base USING btree (name);


--
-- Name: ix_knowledge_base_status; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_knowledge_base_status ON public.knowledge_base USING btree (status);


--
-- Name: ix_knowledge_base_user_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_knowledge_base_user_id ON public.knowledge_base USING btree (user_id);


--
-- Name: ix_mbpo_job_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_mbpo_job_id ON public.memory_base_preprocessing_output USING btree (job_id);


--
-- Name: ix_mbpo_listing; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_mbpo_listing ON public.memory_base_preprocessing_output USING btree (memory_base_id, session_id, created_at);


--
-- Name: ix_mbpo_pending; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_mbpo_pending ON public.memory_base_preprocessing_output USING btree (memory_base_id, session_id, status, created_at);


--
-- Name: ix_mbwr_ingestion_job_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_mbwr_ingestion_job_id ON public.memory_base_workflow_run USING btree (ingestion_job_id);


--
-- Name: ix_mbwr_mb_session; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_mbwr_mb_session ON public.memory_base_workflow_run USING btree (memory_base_id, session_id);


--
-- Name: ix_memory_base_flow_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_memory_base_flow_id ON public.memory_base USING btree (flow_id);


--
-- Name: ix_memory_base_session_lookup; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_memory_base_session_lookup ON public.memory_base_session USING btree (memory_base_id, session_id);


--
-- Name: ix_memory_base_session_memory_base_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_memory_base_session_memory_base_id ON public.memory_base_session USING btree (memory_base_id);


--
-- Name: ix_memory_base_session_session_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_memory_base_session_session_id ON public.memory_base_session USING btree (session_id);


--
-- Name: ix_memory_base_user_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_memory_base_user_id ON public.memory_base USING btree (user_id);


--
-- Name: ix_message_flow_id_timestamp_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_message_flow_id_timestamp_id ON public.message USING btree (flow_id, "timestamp", id);


--
-- Name: ix_message_run_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_message_run_id ON public.message USING btree (run_id);


--
-- Name: ix_message_session_id_timestamp_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_message_session_id_timestamp_id ON public.message USING btree (session_id, "timestamp", id);


--
-- Name: ix_message_session_metadata_tenant; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_message_session_metadata_tenant ON public.message USING btree (((session_metadata ->> 'tenant_id'::text)));


--
-- Name: ix_message_session_metadata_user; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_message_session_metadata_user ON public.message USING btree (((session_metadata ->> 'user_id'::text)));


--
-- Name: ix_message_user_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_message_user_id ON public.message USING btree (user_id);


--
-- Name: ix_mir_job_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_mir_job_id ON public.message_ingestion_record USING btree (job_id);


--
-- Name: ix_mir_memory_base_session; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_mir_memory_base_session ON public.message_ingestion_record USING btree (memory_base_id, session_id);


--
-- Name: ix_mir_message_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_mir_message_id ON public.message_ingestion_record USING btree (message_id);


--
-- Name: ix_span_parent_span_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_span_parent_span_id ON public.span USING btree (parent_span_id);


--
-- Name: ix_span_trace_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_span_trace_id ON public.span USING btree (trace_id);


--
-- Name: ix_sso_user_profile_email; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_sso_user_profile_email ON public.sso_user_profile USING btree (email);


--
-- Name: ix_sso_user_profile_user_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_sso_user_profile_user_id ON public.sso_user_profile USING btree (user_id);


--
-- Name: ix_trace_flow_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_trace_flow_id ON public.trace USING btree (flow_id);


--
-- Name: ix_trace_session_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_trace_session_id ON public.trace USING btree (session_id);


--
-- Name: ix_user_username; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX ix_user_username ON public."user" USING btree (username);


--
-- Name: ix_vertex_build_job_id; Type: INDEX; Schema: public; Owner: -
--

CREATE INDEX ix_vertex_build_job_id ON public.vertex_build USING btree (job_id);


--
-- Name: uq_authz_role_assignment_grant_idp; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX uq_authz_role_assignment_grant_idp ON public.authz_role_assignment_grant USING btree (assignment_id, provider_id, external_group) WHERE ((source_kind)::text = 'idp'::text);


--
-- Name: uq_authz_role_assignment_grant_manual; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX uq_authz_role_assignment_grant_manual ON public.authz_role_assignment_grant USING btree (assignment_id) WHERE ((source_kind)::text = 'manual'::text);


--
-- Name: uq_authz_role_assignment_scoped; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX uq_authz_role_assignment_scoped ON public.authz_role_assignment USING btree (user_id, role_id, domain_type, domain_id) WHERE (domain_id IS NOT NULL);


--
-- Name: uq_authz_role_assignment_unscoped; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX uq_authz_role_assignment_unscoped ON public.authz_role_assignment USING btree (user_id, role_id, domain_type) WHERE (domain_id IS NULL);


--
-- Name: uq_authz_share_targeted; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX uq_authz_share_targeted ON public.authz_share USING btree (resource_type, resource_id, scope, target_id) WHERE (target_id IS NOT NULL);


--
-- Name: uq_authz_share_untargeted; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX uq_authz_share_untargeted ON public.authz_share USING btree (resource_type, resource_id, scope) WHERE (target_id IS NULL);


--
-- Name: uq_catalog_policy_rule_scoped; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX uq_catalog_policy_rule_scoped ON public.catalog_policy_rule USING btree (resource_kind, resource_key, scope, domain_id) WHERE (domain_id IS NOT NULL);


--
-- Name: uq_catalog_policy_rule_unscoped; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX uq_catalog_policy_rule_unscoped ON public.catalog_policy_rule USING btree (resource_kind, resource_key, scope) WHERE (domain_id IS NULL);


--
-- Name: uq_sso_config_slug; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX uq_sso_config_slug ON public.sso_config USING btree (slug);


--
-- Name: uq_sso_user_profile_provider_user; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX uq_sso_user_profile_provider_user ON public.sso_user_profile USING btree (sso_provider, sso_user_id);


--
-- Name: uq_sso_user_profile_user_provider; Type: INDEX; Schema: public; Owner: -
--

CREATE UNIQUE INDEX uq_sso_user_profile_user_provider ON public.sso_user_profile USING btree (user_id, sso_provider);


--
-- Name: sso_config trg_sso_config_slug_immutable; Type: TRIGGER; Schema: public; Owner: -
--

CREATE TRIGGER trg_sso_config_slug_immutable BEFORE UPDATE OF slug ON public.sso_config FOR EACH ROW EXECUTE FUNCTION public.prevent_sso_config_slug_update();


--
-- Name: apikey apikey_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.apikey
    ADD CONSTRAINT apikey_user_id_fkey FOREIGN KEY (user_id) REFERENCES public."user"(id);


--
-- Name: authz_audit_log authz_audit_log_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.authz_audit_log
    ADD CONSTRAINT authz_audit_log_user_id_fkey FOREIGN KEY (user_id) REFERENCES public."user"(id) ON DELETE SET NULL;


--
-- Name: authz_edit_lock authz_edit_lock_flow_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.authz_edit_lock
    ADD CONSTRAINT authz_edit_lock_flow_id_fkey FOREIGN KEY (flow_id) REFERENCES public.flow(id) ON DELETE CASCADE;


--
-- Name: authz_edit_lock authz_edit_lock_holder_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.authz_edit_lock
    ADD CONSTRAINT authz_edit_lock_holder_user_id_fkey FOREIGN KEY (holder_user_id) REFERENCES public."user"(id) ON DELETE CASCADE;


--
-- Name: authz_role_assignment authz_role_assignment_assigned_by_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.authz_role_assignment
    ADD CONSTRAINT authz_role_assignment_assigned_by_fkey FOREIGN KEY (assigned_by) REFERENCES public."user"(id) ON DELETE SET NULL;


--
-- Name: authz_role_assignment_grant authz_role_assignment_grant_administrative_actor_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.authz_role_assignment_grant
    ADD CONSTRAINT authz_role_assignment_grant_administrative_actor_fkey FOREIGN KEY (administrative_actor) REFERENCES public."user"(id) ON DELETE SET NULL;


--
-- Name: authz_role_assignment_grant authz_role_assignment_grant_assignment_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.authz_role_assignment_grant
    ADD CONSTRAINT authz_role_assignment_grant_assignment_id_fkey FOREIGN KEY (assignment_id) REFERENCES public.authz_role_assignment(id) ON DELETE CASCADE;


--
-- Name: authz_role_assignment authz_role_assignment_role_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.authz_role_assignment
    ADD CONSTRAINT authz_role_assignment_role_id_fkey FOREIGN KEY (role_id) REFERENCES public.authz_role(id) ON DELETE CASCADE;


--
-- Name: authz_role_assignment authz_role_assignment_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.authz_role_assignment
    ADD CONSTRAINT authz_role_assignment_user_id_fkey FOREIGN KEY (user_id) REFERENCES public."user"(id) ON DELETE CASCADE;


--
-- Name: authz_role authz_role_created_by_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.authz_role
    ADD CONSTRAINT authz_role_created_by_fkey FOREIGN KEY (created_by) REFERENCES public."user"(id) ON DELETE SET NULL;


--
-- Name: authz_role authz_role_parent_role_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.authz_role
    ADD CONSTRAINT authz_role_parent_role_id_fkey FOREIGN KEY (parent_role_id) REFERENCES public.authz_role(id) ON DELETE SET NULL;


--
-- Name: authz_share authz_share_created_by_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.authz_share
    ADD CONSTRAINT authz_share_created_by_fkey FOREIGN KEY (created_by) REFERENCES public."user"(id) ON DELETE SET NULL;


--
-- Name: authz_team_member authz_team_member_team_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.authz_team_member
    ADD CONSTRAINT authz_team_member_team_id_fkey FOREIGN KEY (team_id) REFERENCES public.authz_team(id) ON DELETE CASCADE;


--
-- Name: authz_team_member authz_team_member_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.authz_team_member
    ADD CONSTRAINT authz_team_member_user_id_fkey FOREIGN KEY (user_id) REFERENCES public."user"(id) ON DELETE CASCADE;


--
-- Name: catalog_policy_rule catalog_policy_rule_created_by_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.catalog_policy_rule
    ADD CONSTRAINT catalog_policy_rule_created_by_fkey FOREIGN KEY (created_by) REFERENCES public."user"(id) ON DELETE SET NULL;


--
-- Name: deployment deployment_deployment_provider_account_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.deployment
    ADD CONSTRAINT deployment_deployment_provider_account_id_fkey FOREIGN KEY (deployment_provider_account_id) REFERENCES public.deployment_provider_account(id) ON DELETE CASCADE;


--
-- Name: deployment deployment_project_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.deployment
    ADD CONSTRAINT deployment_project_id_fkey FOREIGN KEY (project_id) REFERENCES public.folder(id) ON DELETE CASCADE;


--
-- Name: deployment_provider_account deployment_provider_account_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.deployment_provider_account
    ADD CONSTRAINT deployment_provider_account_user_id_fkey FOREIGN KEY (user_id) REFERENCES public."user"(id) ON DELETE CASCADE;


--
-- Name: deployment deployment_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.deployment
    ADD CONSTRAINT deployment_user_id_fkey FOREIGN KEY (user_id) REFERENCES public."user"(id) ON DELETE CASCADE;


--
-- Name: file fk_file_user_id_user; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.file
    ADD CONSTRAINT fk_file_user_id_user FOREIGN KEY (user_id) REFERENCES public."user"(id) ON DELETE CASCADE;


--
-- Name: flow fk_flow_user_id_user; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.flow
    ADD CONSTRAINT fk_flow_user_id_user FOREIGN KEY (user_id) REFERENCES public."user"(id);


--
-- Name: message_ingestion_record fk_message_ingestion_record_message_id_message; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.message_ingestion_record
    ADD CONSTRAINT fk_message_ingestion_record_message_id_message FOREIGN KEY (message_id) REFERENCES public.message(id) ON DELETE CASCADE NOT VALID;


--
-- Name: trace fk_trace_flow_id_flow; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.trace
    ADD CONSTRAINT fk_trace_flow_id_flow FOREIGN KEY (flow_id) REFERENCES public.flow(id) ON DELETE CASCADE;


--
-- Name: flow flow_folder_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.flow
    ADD CONSTRAINT flow_folder_id_fkey FOREIGN KEY (folder_id) REFERENCES public.folder(id);


--
-- Name: flow flow_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.flow
    ADD CONSTRAINT flow_user_id_fkey FOREIGN KEY (user_id) REFERENCES public."user"(id);


--
-- Name: flow_version_deployment_attachment flow_version_deployment_attachment_deployment_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.flow_version_deployment_attachment
    ADD CONSTRAINT flow_version_deployment_attachment_deployment_id_fkey FOREIGN KEY (deployment_id) REFERENCES public.deployment(id) ON DELETE CASCADE;


--
-- Name: flow_version_deployment_attachment flow_version_deployment_attachment_flow_version_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.flow_version_deployment_attachment
    ADD CONSTRAINT flow_version_deployment_attachment_flow_version_id_fkey FOREIGN KEY (flow_version_id) REFERENCES public.flow_version(id) ON DELETE CASCADE;


--
-- Name: flow_version_deployment_attachment flow_version_deployment_attachment_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.flow_version_deployment_attachment
    ADD CONSTRAINT flow_version_deployment_attachment_user_id_fkey FOREIGN KEY (user_id) REFERENCES public."user"(id) ON DELETE CASCADE;


--
-- Name: flow_version flow_version_flow_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.flow_version
    ADD CONSTRAINT flow_version_flow_id_fkey FOREIGN KEY (flow_id) REFERENCES public.flow(id) ON DELETE CASCADE;


--
-- Name: flow_version flow_version_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.flow_version
    ADD CONSTRAINT flow_version_user_id_fkey FOREIGN KEY (user_id) REFERENCES public."user"(id) ON DELETE SET NULL;


--
-- Name: folder folder_parent_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.folder
    ADD CONSTRAINT folder_parent_id_fkey FOREIGN KEY (parent_id) REFERENCES public.folder(id);


--
-- Name: folder folder_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.folder
    ADD CONSTRAINT folder_user_id_fkey FOREIGN KEY (user_id) REFERENCES public."user"(id);


--
-- Name: ingestion_run ingestion_run_kb_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.ingestion_run
    ADD CONSTRAINT ingestion_run_kb_id_fkey FOREIGN KEY (kb_id) REFERENCES public.knowledge_base(id) ON DELETE SET NULL;


--
-- Name: knowledge_base knowledge_base_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.knowledge_base
    ADD CONSTRAINT knowledge_base_user_id_fkey FOREIGN KEY (user_id) REFERENCES public."user"(id) ON DELETE CASCADE;


--
-- Name: mcp_server mcp_server_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.mcp_server
    ADD CONSTRAINT mcp_server_user_id_fkey FOREIGN KEY (user_id) REFERENCES public."user"(id) ON DELETE CASCADE;


--
-- Name: memory_base_preprocessing_output memory_base_preprocessing_output_job_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.memory_base_preprocessing_output
    ADD CONSTRAINT memory_base_preprocessing_output_job_id_fkey FOREIGN KEY (job_id) REFERENCES public.job(job_id) ON DELETE SET NULL;


--
-- Name: memory_base_preprocessing_output memory_base_preprocessing_output_memory_base_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.memory_base_preprocessing_output
    ADD CONSTRAINT memory_base_preprocessing_output_memory_base_id_fkey FOREIGN KEY (memory_base_id) REFERENCES public.memory_base(id) ON DELETE CASCADE;


--
-- Name: memory_base_session memory_base_session_memory_base_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.memory_base_session
    ADD CONSTRAINT memory_base_session_memory_base_id_fkey FOREIGN KEY (memory_base_id) REFERENCES public.memory_base(id) ON DELETE CASCADE;


--
-- Name: memory_base_workflow_run memory_base_workflow_run_ingestion_job_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.memory_base_workflow_run
    ADD CONSTRAINT memory_base_workflow_run_ingestion_job_id_fkey FOREIGN KEY (ingestion_job_id) REFERENCES public.job(job_id) ON DELETE SET NULL;


--
-- Name: memory_base_workflow_run memory_base_workflow_run_memory_base_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.memory_base_workflow_run
    ADD CONSTRAINT memory_base_workflow_run_memory_base_id_fkey FOREIGN KEY (memory_base_id) REFERENCES public.memory_base(id) ON DELETE CASCADE;


--
-- Name: memory_base_workflow_run memory_base_workflow_run_workflow_job_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.memory_base_workflow_run
    ADD CONSTRAINT memory_base_workflow_run_workflow_job_id_fkey FOREIGN KEY (workflow_job_id) REFERENCES public.job(job_id) ON DELETE SET NULL;


--
-- Name: message_ingestion_record message_ingestion_record_job_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.message_ingestion_record
    ADD CONSTRAINT message_ingestion_record_job_id_fkey FOREIGN KEY (job_id) REFERENCES public.job(job_id) ON DELETE SET NULL;


--
-- Name: message_ingestion_record message_ingestion_record_memory_base_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.message_ingestion_record
    ADD CONSTRAINT message_ingestion_record_memory_base_id_fkey FOREIGN KEY (memory_base_id) REFERENCES public.memory_base(id) ON DELETE CASCADE;


--
-- Name: policy_bundle_revision policy_bundle_revision_rollback_of_revision_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.policy_bundle_revision
    ADD CONSTRAINT policy_bundle_revision_rollback_of_revision_fkey FOREIGN KEY (rollback_of_revision) REFERENCES public.policy_bundle_revision(revision) ON DELETE SET NULL;


--
-- Name: span span_parent_span_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.span
    ADD CONSTRAINT span_parent_span_id_fkey FOREIGN KEY (parent_span_id) REFERENCES public.span(id);


--
-- Name: span span_trace_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.span
    ADD CONSTRAINT span_trace_id_fkey FOREIGN KEY (trace_id) REFERENCES public.trace(id) ON DELETE CASCADE;


--
-- Name: sso_config sso_config_created_by_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sso_config
    ADD CONSTRAINT sso_config_created_by_fkey FOREIGN KEY (created_by) REFERENCES public."user"(id) ON DELETE SET NULL;


--
-- Name: sso_config sso_config_updated_by_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sso_config
    ADD CONSTRAINT sso_config_updated_by_fkey FOREIGN KEY (updated_by) REFERENCES public."user"(id) ON DELETE SET NULL;


--
-- Name: sso_user_profile sso_user_profile_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.sso_user_profile
    ADD CONSTRAINT sso_user_profile_user_id_fkey FOREIGN KEY (user_id) REFERENCES public."user"(id) ON DELETE CASCADE;


--
-- Name: variable variable_user_id_fkey; Type: FK CONSTRAINT; Schema: public; Owner: -
--

ALTER TABLE ONLY public.variable
    ADD CONSTRAINT variable_user_id_fkey FOREIGN KEY (user_id) REFERENCES public."user"(id);


--
-- PostgreSQL database dump complete
--

\unrestrict B0AyE4KITPBlMmrMTq4sGKcptLUgJsQCe2e9RmSktbu3XTHMqqaGyd3WUPN0MXM


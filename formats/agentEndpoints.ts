/** Ports of the agent: webhooks, and metrics with health checks. */
export const WEBHOOK_PORT = 8080;
export const AGENT_METRICS_PORT = 9091;
/** Path to which Git hosts post webhooks. */
export const WEBHOOK_PATH = "/webhook";

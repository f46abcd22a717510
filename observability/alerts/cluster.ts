import type { RuleGroup } from "../rules";

/**
 * Threshold for an image pull. A pull of LangFlow's image, several GB, takes about a minute inside an AWS region, and a
 * failover waits for it.
 */
export const PULL_SECONDS = 180;
/** Threshold for a pod that is not ready: LangFlow's own startup may take five minutes, and a new node two or three. */
const NOT_READY_SECONDS = 900;
/**
 * Number of restarts within 15 minutes that the loss of a node can explain. More restarts indicate a problem of the
 * container.
 */
export const RESTARTS = 2;

/** Number of restarts of each container within 15 minutes. */
export const RESTARTED = "sum by (namespace, pod, container) (increase(kube_pod_container_status_restarts_total[15m]))";
/** 95th percentile of the duration of image pulls. */
export const PULL_TIME =
  "histogram_quantile(0.95, sum by (le) (increase(kubelet_image_pull_duration_seconds_bucket[30m])))";
/** Free share of each node's disks and memory, and the minimum of each. */
export const DISK_LEFT =
  'min by (instance) (node_filesystem_avail_bytes{fstype!~"tmpfs|squashfs|overlay|ramfs"} / node_filesystem_size_bytes{fstype!~"tmpfs|squashfs|overlay|ramfs"})';
export const DISK_SHARE = 0.1;
export const MEMORY_LEFT = "min by (instance) (node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes)";
export const MEMORY_LEFT_SHARE = 0.05;
/** Free share of each claim's space, and the minimum. */
export const CLAIM_LEFT =
  "max by (namespace, persistentvolumeclaim) (kubelet_volume_stats_available_bytes / kubelet_volume_stats_capacity_bytes)";
export const CLAIM_SHARE = 0.1;
/** Number of pods that each autoscaler wants, and its maximum. */
export const PODS_WANTED =
  "max by (namespace, horizontalpodautoscaler) (kube_horizontalpodautoscaler_status_desired_replicas)";
export const PODS_MAX = "max by (namespace, horizontalpodautoscaler) (kube_horizontalpodautoscaler_spec_max_replicas)";

/** Returns the rules about pods, nodes, images and claims. */
export function clusterRules(): RuleGroup {
  return {
    name: "cluster",
    intervalSeconds: 30,
    alerts: [
      {
        name: "PodNotReady",
        severity: "warning",
        // A completed pod is not ready either.
        expr:
          'max by (namespace, pod) (kube_pod_status_ready{condition="true"}) == 0 and on (namespace, pod)' +
          ' max by (namespace, pod) (kube_pod_status_phase{phase=~"Pending|Running|Unknown"}) == 1',
        forSeconds: NOT_READY_SECONDS,
        summary: "pod {{ $labels.pod }} of {{ $labels.namespace }} has not been ready for a quarter of an hour",
      },
      {
        name: "PodRestarting",
        severity: "warning",
        expr: `${RESTARTED} > ${RESTARTS}`,
        summary: "{{ $labels.container }} of {{ $labels.pod }} keeps restarting",
      },
      {
        name: "AutoscalerAtMaximum",
        severity: "warning",
        expr: `${PODS_WANTED} >= ${PODS_MAX}`,
        forSeconds: 900,
        summary:
          "{{ $labels.horizontalpodautoscaler }} runs its maximum number of pods: no capacity is left for a failover",
      },
      {
        name: "ImagePullSlow",
        severity: "warning",
        expr: `${PULL_TIME} > ${PULL_SECONDS}`,
        summary: "pulling an image takes {{ $value | humanizeDuration }}, which delays new pods",
      },
      {
        name: "NodeNotReady",
        severity: "warning",
        expr: 'max by (node) (kube_node_status_condition{condition="Ready",status="true"}) == 0',
        forSeconds: 600,
        summary: "node {{ $labels.node }} is not ready and was not replaced",
      },
      {
        name: "NodeDiskFilling",
        severity: "warning",
        expr: `${DISK_LEFT} < ${DISK_SHARE}`,
        forSeconds: 600,
        summary:
          "a disk of node {{ $labels.instance }} has {{ $value | humanizePercentage }} free: pods will be evicted",
      },
      {
        name: "NodeMemoryLow",
        severity: "warning",
        expr: `${MEMORY_LEFT} < ${MEMORY_LEFT_SHARE}`,
        forSeconds: 600,
        summary: "node {{ $labels.instance }} has {{ $value | humanizePercentage }} of its memory free",
      },
      {
        name: "ClaimFilling",
        severity: "warning",
        expr:
          `${CLAIM_LEFT} < ${CLAIM_SHARE}` +
          " or max by (namespace, persistentvolumeclaim) (predict_linear(kubelet_volume_stats_available_bytes[6h], 3 * 86400)) < 0",
        forSeconds: 900,
        summary: "claim {{ $labels.persistentvolumeclaim }} is full or will be within three days",
      },
    ],
  };
}

// Which flows do these network policies allow? Reads {"policies": [...], "flows": [...]} from stdin, prints one verdict a flow.
package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/mattfenwick/cyclonus/pkg/matcher"
	core "k8s.io/api/core/v1"
	networking "k8s.io/api/networking/v1"
)

type question struct {
	Policies []*networking.NetworkPolicy
	Flows    []matcher.Traffic
}

type verdict struct {
	// Whether what it comes from lets it out, and what it goes to lets it in.
	Out, In bool
}

func main() {
	var asked question
	if err := json.NewDecoder(os.Stdin).Decode(&asked); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	policies := matcher.BuildNetworkPolicies(false, asked.Policies)
	verdicts := make([]verdict, 0, len(asked.Flows))
	for _, flow := range asked.Flows {
		if flow.Protocol == "" {
			flow.Protocol = core.ProtocolTCP
		}
		allowed := policies.IsTrafficAllowed(&flow)
		verdicts = append(verdicts, verdict{Out: allowed.Egress.IsAllowed(), In: allowed.Ingress.IsAllowed()})
	}
	if err := json.NewEncoder(os.Stdout).Encode(verdicts); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// BROKER TOPIC GROUP ASSIGNOR INSTANCE SESSION_MS: a member of a group, as tests/interop/members.py describes it.
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func main() {
	broker, topic, group, assignor, instance, session := os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5], os.Args[6]
	ms, err := strconv.Atoi(session)
	check(err)
	out := bufio.NewWriter(os.Stdout)
	balancers := map[string]kgo.GroupBalancer{"range": kgo.RangeBalancer(), "roundrobin": kgo.RoundRobinBalancer(),
		"sticky": kgo.StickyBalancer(), "cooperative-sticky": kgo.CooperativeStickyBalancer()}
	options := []kgo.Opt{kgo.SeedBrokers(broker), kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic),
		kgo.Balancers(balancers[assignor]), kgo.SessionTimeout(time.Duration(ms) * time.Millisecond),
		kgo.HeartbeatInterval(500 * time.Millisecond), kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart())}
	if instance != "-" {
		options = append(options, kgo.InstanceID(instance))
	}
	client, err := kgo.NewClient(options...)
	check(err)
	for {
		wait, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
		fetches := client.PollFetches(wait)
		cancel()
		fetches.EachRecord(func(r *kgo.Record) { fmt.Fprintf(out, "R %d %d %s\n", r.Partition, r.Offset, r.Key) })
		out.Flush()
		commit(client)
		client.AllowRebalance()
	}
}

// A commit that fails (no broker, another generation) is not printed; the records come again, to us or to another.
func commit(client *kgo.Client) {
	offsets := client.UncommittedOffsets()
	if len(offsets) == 0 {
		return
	}
	client.CommitOffsetsSync(context.Background(), offsets,
		func(_ *kgo.Client, _ *kmsg.OffsetCommitRequest, response *kmsg.OffsetCommitResponse, err error) {
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				return
			}
			for _, topic := range response.Topics {
				for _, p := range topic.Partitions {
					if kerr.ErrorForCode(p.ErrorCode) == nil {
						fmt.Printf("C %d %d\n", p.Partition, offsets[topic.Topic][p.Partition].Offset)
					}
				}
			}
		})
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

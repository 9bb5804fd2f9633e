// BROKER TOPIC GROUP ASSIGNOR INSTANCE SESSION_MS: a member of a group, as tests/interop/members.py describes it.
package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/IBM/sarama"
)

type member struct{}

func (member) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (member) Cleanup(sarama.ConsumerGroupSession) error { return nil }

// Each partition has a goroutine of its own; a commit covers what all of them have marked, so marks follow the print.
func (member) ConsumeClaim(session sarama.ConsumerGroupSession, claim sarama.ConsumerGroupClaim) error {
	var out bytes.Buffer // written at once, so that lines of two partitions do not mix
	commit := time.NewTicker(100 * time.Millisecond)
	defer commit.Stop()
	var last *sarama.ConsumerMessage
	for {
		select {
		case message, more := <-claim.Messages():
			if !more {
				return nil
			}
			fmt.Fprintf(&out, "R %d %d %s\n", message.Partition, message.Offset, message.Key)
			last = message
		case <-commit.C:
			if last != nil {
				os.Stdout.Write(out.Bytes())
				out.Reset()
				session.MarkMessage(last, "")
				session.Commit()
				last = nil
			}
		case <-session.Context().Done():
			return nil
		}
	}
}

func main() {
	broker, topic, group, assignor, instance, session := os.Args[1], os.Args[2], os.Args[3], os.Args[4], os.Args[5], os.Args[6]
	ms, err := strconv.Atoi(session)
	check(err)
	config := sarama.NewConfig()
	config.Version = sarama.MaxVersion
	strategies := map[string]sarama.BalanceStrategy{"range": sarama.NewBalanceStrategyRange(),
		"roundrobin": sarama.NewBalanceStrategyRoundRobin(), "sticky": sarama.NewBalanceStrategySticky()}
	config.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{strategies[assignor]}
	config.Consumer.Group.Session.Timeout = time.Duration(ms) * time.Millisecond
	config.Consumer.Group.Heartbeat.Interval = 500 * time.Millisecond
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	config.Consumer.Offsets.AutoCommit.Enable = false
	config.Metadata.Retry.Max = 100
	if instance != "-" {
		config.Consumer.Group.InstanceId = instance
	}
	client, err := sarama.NewConsumerGroup([]string{broker}, group, config)
	check(err)
	for {
		// It returns at each rebalance, and with an error while there is no broker.
		if err := client.Consume(context.Background(), []string{topic}, member{}); err != nil {
			fmt.Fprintln(os.Stderr, err)
			time.Sleep(200 * time.Millisecond)
		}
	}
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

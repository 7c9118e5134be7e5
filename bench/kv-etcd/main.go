// Drives etcd with its own client: linearizable reads (the client's default), plain puts. ../kv-load says what is
// measured and with which flags.
package main

import (
	"context"

	"../kv-load"
	"go.etcd.io/etcd/clientv3"
	"google.golang.org/grpc"
)

type store struct{ client *clientv3.Client }

func open(endpoint string) (load.Store, error) {
	client, err := clientv3.New(clientv3.Config{
		Endpoints:   []string{endpoint},
		DialTimeout: load.DialTimeout,
		DialOptions: []grpc.DialOption{grpc.WithBlock()},
	})
	if err != nil {
		return nil, err
	}
	return &store{client}, nil
}

func (s *store) Put(key string, value []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), load.OperationTimeout)
	defer cancel()
	_, err := s.client.Put(ctx, key, string(value))
	return err
}

func (s *store) Get(key string) (bool, error) {
	ctx, cancel := context.WithTimeout(context.Background(), load.OperationTimeout)
	defer cancel()
	answer, err := s.client.Get(ctx, key)
	return err == nil && len(answer.Kvs) == 1, err
}

func (s *store) PutMany(keys []string, values [][]byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), load.OperationTimeout)
	defer cancel()
	puts := make([]clientv3.Op, len(keys))
	for at, key := range keys {
		puts[at] = clientv3.OpPut(key, string(values[at]))
	}
	_, err := s.client.Txn(ctx).Then(puts...).Commit()
	return err
}

func (s *store) Close() { s.client.Close() }

func main() { load.Main(load.Side{Open: open, OpenShared: open}) }

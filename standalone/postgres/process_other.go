//go:build unix && !linux

package postgres

import (
	"os/exec"
	"syscall"
)

// lockThread is needed only where the kernel ties a child to a thread.
func lockThread() {}

// apply makes cmd run as the identity, in a process group of its own so that a
// Ctrl-C meant for this process does not reach it. A server left behind by a kill
// is ended by the next start.
func (i *identity) apply(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if i != nil {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(i.uid), Gid: uint32(i.gid)} //nolint:gosec // ids fit
	}
}

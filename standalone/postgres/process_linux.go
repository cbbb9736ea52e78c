package postgres

import (
	"os/exec"
	"runtime"
	"syscall"
)

// lockThread keeps the calling goroutine on its thread for good.
func lockThread() { runtime.LockOSThread() }

// apply makes cmd run as the identity, in a process group of its own so that a
// Ctrl-C meant for this process does not reach it, and end with this process.
func (i *identity) apply(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGQUIT}
	if i != nil {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(i.uid), Gid: uint32(i.gid)} //nolint:gosec // ids fit
	}
}

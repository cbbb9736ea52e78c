package workflows

import (
	"go.temporal.io/sdk/workflow"

	"github.com/hogsend/hogsend"
	"github.com/hogsend/hogsend/internal/contract"
)

// hold waits until an effect that a pause holds is released; it is then asked for
// again, and held again if the journey was paused anew (J-101, J-108). An error says
// why it will not be asked for: the enrollment has ended, or its author canceled ctx.
func (r *journeyRun) hold(ctx workflow.Context, held contract.PausedEffect) error {
	node := r.node
	leave := r.standAt(held.Node, []string{}, nil)
	r.paused++
	defer func() {
		r.paused--
		leave()
		if r.node == held.Node {
			r.node = node
		}
	}()
	err := r.await(ctx, held.Node, contract.WaitState{WaitID: held.ID})
	switch {
	case err == nil:
		return nil
	case r.canceled():
		return hogsend.ErrExited
	}
	var effect contract.Effect
	if err := r.local(ctx, contract.AbandonPausedEffectName, held.Node, held, &effect); err != nil {
		return err
	}
	if effect.Ended {
		return r.end()
	}
	return err
}

package app

import (
	"github.com/hogsend/hogsend/internal/alert/courier"
	"github.com/hogsend/hogsend/internal/config"
	"github.com/hogsend/hogsend/internal/outbound"
	"github.com/hogsend/hogsend/internal/seal"
)

// courier tells what alert rules fired.
func (p *process) courier() (*courier.Courier, error) {
	keys, err := seal.New("alert channel", p.cfg.Secret, p.cfg.PreviousSecrets)
	if err != nil {
		return nil, err
	}
	provider, err := p.provider()
	if err != nil {
		return nil, err
	}
	return courier.New(courier.Courier{
		Store: p.store, Keys: keys, Provider: provider, From: p.cfg.EmailFrom,
		Policy: outbound.Policy{AllowPrivate: p.cfg.AllowPrivate, Development: p.cfg.Environment == config.Development},
	}), nil
}

"""Ablation tables for contrastive learning as build targets."""

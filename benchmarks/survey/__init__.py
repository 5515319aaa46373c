"""Speed, memory and agreement of `astroattn survey` on a simulated survey."""

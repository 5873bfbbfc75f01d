from hypothesis import HealthCheck, settings

# How long Pillow takes depends on the machine and says nothing about whether it is right.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")
